//! The grid as `--dry-run` shows it, and errors in its axes.

use std::fs;

use super::{Desk, GRID};

#[test]
fn the_grid_is_shown_and_its_errors_are_placed() {
    let desk = Desk::with(GRID);
    let grid = desk.good(&["sweep", "grid.toml", "--dry-run"]);
    let lines: Vec<&str> = grid.lines().collect();
    assert_eq!(lines.len(), 25);
    assert_eq!(
        lines[0],
        "point,trace.workload.seed,trace.start_s,link.bandwidth_bits_per_s"
    );
    assert_eq!(lines[24], "23,4,2,1000000000");
    let slurm = desk
        .command(&["sweep", "grid.toml", "--dry-run"])
        .env("SLURM_ARRAY_TASK_ID", "3")
        .env("SLURM_ARRAY_TASK_COUNT", "3")
        .env("SLURM_ARRAY_TASK_MIN", "1")
        .env("SLURM_ARRAY_TASK_MAX", "3")
        .output()
        .expect("the program runs");
    assert!(String::from_utf8_lossy(&slurm.stdout).contains("\n16,3,2,200000000\n17"));
    assert!(String::from_utf8_lossy(&slurm.stderr).contains("shard 3/3"));

    for (sweep, error) in [
        (
            "[link]\n",
            "expected a section [sweep] with at least one axis",
        ),
        (
            "[sweep]\nlink.bandwith = [1]",
            "grid.toml:2: sweep.link.bandwith: 1: unknown field `bandwith`",
        ),
        (
            "[sweep]\nlink.mtu = [1500]\nvm.core_state = [\"1 mile\"]",
            "grid.toml:3: sweep.vm.core_state: 1 mile: `1 mile` is not a size",
        ),
        (
            "[sweep]\n\nlink.latency = [\"1 ms\", \"1 mile\"]",
            "grid.toml:3: sweep.link.latency: 1 mile: `1 mile` is not a duration",
        ),
        (
            "[sweep]\nlink.latency = { from = \"1 ms\", to = \"2 ms\" }",
            "grid.toml:2: sweep.link.latency: expected either `step` or `count`",
        ),
        (
            "[sweep]\nmigration.strategies = [\"post-copy\"]",
            "grid.toml:2: sweep.migration.strategies: expected the strategies in",
        ),
        (
            "[migration]\nstrategies = [\"magic\"]\n[sweep]\nlink.mtu = [1500]",
            "grid.toml:2: migration.strategies: unknown strategy `magic`",
        ),
        (
            "[sweep]\nlink.bandwidth = [\"1 Gbit/s\", \"1000 Mbit/s\"]",
            "grid.toml:2: sweep.link.bandwidth: entries 1 and 2, \"1 Gbit/s\" and",
        ),
        (
            "[sweep]\nlink.mtu = { from = 1000, to = 3000, step = 1 }\nvm.core_state = { from = 1, to = 1000, step = 1 }",
            "grid.toml:3: sweep.vm.core_state: expected a grid of at most 1000000 points",
        ),
    ] {
        fs::write(desk.path("grid.toml"), sweep).expect("a writable directory");
        let found = desk.bad(&["sweep", "grid.toml"]);
        assert!(found.contains(error), "{sweep}: {found}");
    }
}
