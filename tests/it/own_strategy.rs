//! The example of a user's own strategy compiles, runs, and does what it says.

#[path = "../../examples/own_strategy.rs"]
mod example;

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
