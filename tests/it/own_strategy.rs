//! The examples of a user's own strategy compile, run, and do what they say.

#[path = "../../examples/own_strategy.rs"]
mod example;

#[allow(dead_code, unreachable_pub, reason = "a program of its own")]
#[path = "../../examples/template/src/main.rs"]
mod template;

use migsim::run::sweep::Sweep;
use migsim::scenario::ScenarioSource;

#[test]
fn the_example_runs() {
    let runs = example::runs().expect("the example's inputs are in the repository");
    let [post_copy, own] = runs.as_slice() else {
        panic!("two strategies were compared")
    };
    assert_eq!(
        (post_copy.strategy, own.strategy),
        ("post-copy", "hot-then-downwards")
    );
    assert!(own.metrics.pps_pages > 0);
    // Both bring every page, each once.
    let sent =
        |run: &migsim::run::compare::Run| run.metrics.pages_sent + run.metrics.zero_pages_sent;
    assert_eq!(sent(post_copy), sent(own));
    example::main().expect("the table can be printed");
}

fn template_sweep(axes: &str) -> Result<Sweep, String> {
    let text = format!("[migration]\nstrategies = [\"written-first\"]\n[sweep]\n{axes}");
    let source = ScenarioSource::from_text("own", &text).map_err(|error| error.to_string())?;
    Sweep::new(source, template::registry()).map_err(|error| error.to_string())
}

#[test]
fn a_strategy_s_own_parameters_are_keys_axes_and_settings() {
    let sweep = template_sweep("strategy.written-first.then_read = [false, true]").expect("a grid");
    let mut rows = Vec::new();
    let delivered = sweep.run(0..sweep.points(), 1, |results| {
        rows.extend(results.iter().flat_map(|result| result.rows(&sweep)));
        Ok::<(), std::convert::Infallible>(())
    });
    delivered.expect("both points run");
    let cells = |column: &str| -> Vec<String> {
        let of = |row: &migsim::run::row::Row| {
            let cell = row.iter().find(|(name, _)| name == column);
            cell.expect(column).1.to_string()
        };
        rows.iter().map(of).collect()
    };
    assert_eq!(cells("strategy.written-first.then_read"), ["false", "true"]);
    let settings = cells("settings");
    assert!(
        !settings[0].contains("then_read"),
        "the default is not said: {settings:?}"
    );
    assert!(
        settings[1].contains("{ written-first = { then_read = true } }"),
        "{settings:?}"
    );
    for column in ["scenario_hash", "stall_s"] {
        let cells = cells(column);
        assert_ne!(cells[0], cells[1], "{column}");
    }
    let wrong =
        template_sweep("strategy.written-first.than_read = [true]").expect_err("no such parameter");
    assert!(
        wrong.contains("own:4: sweep.strategy.written-first.than_read"),
        "{wrong}"
    );
    assert!(wrong.contains("did you mean `then_read`?"), "{wrong}");
}
