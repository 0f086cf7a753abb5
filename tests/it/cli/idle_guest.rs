//! A guest that accesses nothing while it migrates: said, whatever the trace.

use super::Desk;

#[test]
fn a_migration_without_accesses_says_so() {
    let desk = Desk::new();
    // An access in every tenth second, and a migration between two of them.
    let rows: String = (0..3)
        .map(|tens| format!("{},0,{tens},r\n", tens * 10_000_000_000_u64))
        .collect();
    desk.write("rare.csv", format!("time_ns,vcpu,page,op\n{rows}"));
    desk.import("rare.csv", "rare.mtrace", "");
    desk.write(
        "rare.toml",
        "[trace]\nfile = \"rare.mtrace\"\nstart = \"1 s\"\n[migration]\nrecord_window = \"2 ms\"\nstrategies = [\"post-copy\"]\n\
         push_while_recording = false\npush_while_resuming = false\n\
         [sweep]\n\"trace.start\" = [\"1 s\", \"9.9999 s\"]\n",
    );
    for arguments in [
        &[
            "compare",
            "rare.toml",
            "--strategies",
            "post-copy,pre-record",
        ][..],
        &["run", "rare.toml", "--strategy", "post-copy"],
    ] {
        let output = desk.run(arguments);
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("accesses no page from its resume"), "{said}");
        let at_work = [arguments, &["--set", "trace.start=9.9999 s"]].concat();
        let said = String::from_utf8(desk.run(&at_work).stderr).unwrap();
        assert!(!said.contains("accesses no page"), "{said}");
    }
    let swept = desk.run(&["sweep", "rare.toml"]);
    let said = String::from_utf8(swept.stderr).unwrap();
    assert!(
        said.contains("in 1 of 2 points the guest accesses no page"),
        "{said}"
    );
}
