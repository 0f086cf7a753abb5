//! `migsim plot`, and the page map of `migsim run`.

use super::Desk;

const ROWS: &str = "\
scenario,strategy,link.bandwidth_bits_per_s,trace.start_s,stall_s,page_faults,error
s,post-copy,1000000000,1,0.25,10,
s,post-copy,1000000000,2,0.75,30,
s,post-copy,200000000,1,1.5,40,
s,pre-record,1000000000,1,0.125,5,
s,pre-record,200000000,1,,,it failed
";

fn text(svg: &str, words: &str) -> bool {
    svg.lines().any(|line| line.trim() == words)
}

#[test]
fn rows_are_drawn_with_their_ranges() {
    let desk = Desk::new();
    desk.write("rows.csv", ROWS);
    let plot = [
        "plot",
        "rows.csv",
        "--x",
        "link.bandwidth_bits_per_s",
        "--y",
        "stall_s,page_faults",
    ];
    let output = desk.run(&plot);
    let (svg, said) = (output.stdout, output.stderr);
    let svg = String::from_utf8(svg).expect("text");
    assert_eq!(
        String::from_utf8_lossy(&said),
        "migsim: 1 rows are of failed runs and are left out: pre-record 1\n"
    );
    for words in [
        "200 Mbit/s",
        "1 Gbit/s",
        "stall_s",
        "page_faults",
        "post-copy",
        "pre-record",
    ] {
        assert!(text(&svg, words), "{words}: {svg}");
    }
    // The slower link comes first, although it stands below.
    assert!(svg.find("200 Mbit/s") < svg.find("1 Gbit/s"));
    assert!(
        svg.contains("Means of up to 2 rows; bars from the least to the most, over trace.start_s."),
        "{svg}"
    );
    let by = ["--by", "trace.start_s", "--strategies", "post-copy"];
    desk.data(&[&plot[..], &by, &["--out", "rows.svg"]].concat());
    let by_start = std::fs::read_to_string(desk.path("rows.svg")).expect("a picture");
    assert!(
        text(&by_start, "2.00 s") && !text(&by_start, "pre-record"),
        "{by_start}"
    );
}

#[test]
fn rows_that_are_left_out_are_counted() {
    let desk = Desk::new();
    desk.write(
        "rows.csv",
        "strategy,x,y,z,error\na,1,1,,\na,2,,,\nb,1,,1,\nb,2,,2,\nb,3,3,3,it failed\n",
    );
    let output = desk.run(&["plot", "rows.csv", "--x", "x", "--y", "y,z"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said,
        "migsim: 1 rows are of failed runs and are left out: b 1\n\
         migsim: 3 of 4 rows have no y and are left out: a 1, b 2\n\
         migsim: 2 of 4 rows have no z and are left out: a 2\n"
    );
    // The mean of the others is what is drawn: the place of the failed run is not there.
    let svg = String::from_utf8(output.stdout).expect("text");
    assert!(text(&svg, "2") && !text(&svg, "3"), "{svg}");
}

/// Where the middles of circles are.
fn circles(svg: &str) -> Vec<(i32, i32)> {
    let number = |line: &str, name: &str| -> Option<i32> {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        rest.split_once('"')?.0.parse().ok()
    };
    let circles = svg.lines().filter(|line| line.starts_with("<circle"));
    circles
        .filter_map(|line| Some((number(line, "cx")?, number(line, "cy")?)))
        .collect()
}

#[test]
fn every_value_lies_within_its_panel() {
    let desk = Desk::new();
    let plot = |rows: &str| {
        desk.write("rows.csv", format!("x,strategy,y\n{rows}"));
        desk.data(&["plot", "rows.csv", "--x", "x", "--y", "y"])
    };
    // The first circle is the legend's.
    let heights =
        |svg: &str| -> Vec<i32> { circles(svg).iter().skip(1).map(|(_, y)| *y).collect() };
    let below = plot("1,post-copy,5\n2,post-copy,0\n3,post-copy,-3\n");
    let found = heights(&below);
    assert!(text(&below, "-3") || text(&below, "-4"), "{below}");
    assert!(
        found[0] < found[1] && found[1] < found[2] && found[2] <= 288,
        "{found:?}"
    );
    // Zero is below the least value that is not, however far the others are.
    let far = plot("1,post-copy,300000\n2,post-copy,5\n3,post-copy,1\n4,post-copy,0\n");
    let found = heights(&far);
    assert!(
        text(&far, "y — log scale, 0 at the foot") && text(&far, "0"),
        "{far}"
    );
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    let positive = plot("1,post-copy,300000\n2,post-copy,1\n");
    assert!(
        text(&positive, "y — log scale") && !text(&positive, "0"),
        "{positive}"
    );
    // Far apart, but a logarithm has no place for one of them.
    assert!(!plot("1,post-copy,300000\n2,post-copy,-1\n").contains("log scale"));
}

#[test]
fn numbers_along_are_to_scale_and_rows_without_one_are_left_out() {
    let desk = Desk::new();
    desk.write(
        "rows.csv",
        "x,strategy,y\n10,post-copy,1\n,post-copy,1\n1,post-copy,1\n1e1,post-copy,3\n4,post-copy,1\n",
    );
    let output = desk.run(&["plot", "rows.csv", "--x", "x", "--y", "y"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "migsim: 1 of 5 rows have no x and are left out: post-copy 1\n"
    );
    let svg = String::from_utf8(output.stdout).expect("text");
    let along: Vec<i32> = circles(&svg).iter().skip(1).map(|(x, _)| *x).collect();
    assert_eq!(along.len(), 3, "10 and 1e1 are one place: {svg}");
    let (near, far) = (along[1] - along[0], along[2] - along[1]);
    assert!((far - 2 * near).abs() <= 2, "1, 4 and 10: {along:?}");
}

#[test]
fn strategies_look_different() {
    let desk = Desk::new();
    let strategies = [
        "hybrid",
        "hybrid+pre-record",
        "leap",
        "mine",
        "post-copy",
        "theirs",
    ];
    let rows: String = strategies
        .map(|name| format!("1,{name},2\n2,{name},3\n"))
        .concat();
    desk.write("rows.csv", format!("x,strategy,y\n{rows}"));
    let svg = desk.data(&["plot", "rows.csv", "--x", "x", "--y", "y"]);
    let lines = svg.lines().filter(|line| line.starts_with("<path"));
    let looks: std::collections::BTreeSet<&str> = lines
        .filter_map(|line| line.split_once(" d=").map(|(style, _)| style))
        .collect();
    assert!(looks.len() >= 6, "{looks:?}");
}

#[test]
fn words_have_no_control_characters() {
    let desk = Desk::new();
    desk.write("rows.csv", "a,strategy,b\n1,x\u{1}y,2\n2,x\u{1}y,3\n");
    desk.data(&["plot", "rows.csv", "--x", "a", "--y", "b", "--out", "p.svg"]);
    let svg = std::fs::read_to_string(desk.path("p.svg")).expect("a picture");
    assert!(!svg.contains('\u{1}'), "{svg}");
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let desk = Desk::new();
    desk.write("rows.csv", ROWS);
    desk.write("none.csv", "a,strategy,b\n1,x,\n");
    desk.write("twice.csv", "a,strategy,b,a\n1,x,2,1\n");
    desk.write("semicolons.csv", "a;strategy;b\n1;x;2\n");
    desk.write("empty.csv", "");
    for (arguments, part) in [
        (
            ["rows.csv", "--x", "link.bandwidth", "--y", "stall_s"],
            "no column `link.bandwidth`; did you mean `link.bandwidth_bits_per_s`?",
        ),
        (
            ["rows.csv", "--x", "trace.start_s", "--y", "stal_s"],
            "did you mean `stall_s`?",
        ),
        (
            ["rows.csv", "--x", "trace.start_s", "--y", "scenario"],
            "row 1: scenario: `s` is not a number",
        ),
        (["none.csv", "--x", "a", "--y", "b"], "`b` has no numbers"),
        (
            ["twice.csv", "--x", "a", "--y", "b"],
            "column `a` is there twice",
        ),
        (
            ["semicolons.csv", "--x", "a", "--y", "b"],
            "expected columns with commas",
        ),
        (
            ["empty.csv", "--x", "a", "--y", "b"],
            "expected a header and rows, found nothing",
        ),
        (["absent.csv", "--x", "a", "--y", "b"], "absent.csv"),
    ] {
        let error = desk.refusal(&[&["plot"], &arguments[..]].concat());
        assert!(error.contains(part), "{error}");
    }
    let plot = ["plot", "rows.csv", "--x", "trace.start_s", "--y", "stall_s"];
    let by = desk.refusal(&[&plot[..], &["--by", "error"]].concat());
    assert!(by.contains("expected rows of one strategy"), "{by}");
    let none = desk.refusal(&[&plot[..], &["--strategies", "magic"]].concat());
    assert!(
        none.contains("no rows of `magic`, expected one of "),
        "{none}"
    );
    let refusal = |file: &str| desk.refusal(&[&plot[..], &["--out", file]].concat());
    assert!(refusal("rows.gif").contains("ends in .svg"));
    for (format, is_there) in [
        ("png", cfg!(feature = "png")),
        ("pdf", cfg!(feature = "pdf")),
    ] {
        if !is_there {
            let error = refusal(&format!("rows.{format}"));
            assert!(
                error.contains(&format!("without the feature {format}")),
                "{error}"
            );
        }
    }
}

#[test]
fn a_page_map_is_drawn_beside_the_report() {
    let desk = Desk::new();
    let run = [
        "run",
        "small.toml",
        "--strategy",
        "pre-record",
        "--set",
        "link.bandwidth=50 Mbit/s",
        "--set",
        "migration.push_while_recording=false",
    ];
    let report = desk.data(&run);
    assert_eq!(
        desk.data(&[&run[..], &["--page-map", "map.svg"]].concat()),
        report
    );
    let svg = std::fs::read_to_string(desk.path("map.svg")).expect("a picture");
    assert_eq!(svg.matches("<path transform").count(), 5, "a layer each");
    assert!(svg.matches("d=\"M").count() >= 4, "{svg}");
    assert!(text(&svg, "pre-record on small: pages over time"), "{svg}");
    assert!(!svg.contains("ahead of the core state"), "{svg}");
    let rounds = [
        "run",
        "small.toml",
        "--strategy",
        "pre-copy",
        "--page-map",
        "MAP.SVG",
    ];
    desk.data(&rounds);
    let svg = std::fs::read_to_string(desk.path("MAP.SVG")).expect("a picture");
    assert!(
        svg.contains("pages were sent ahead of the core state"),
        "{svg}"
    );
}
