//! The README shows what its commands print.

#[test]
fn the_readme_shows_real_output() {
    trycmd::TestCases::new().case("README.md");
}
