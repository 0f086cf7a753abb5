//! All figures and verdicts as one page, which needs nothing but a browser.

use super::Rendered;
use super::catalogue::{CLAIMS, CLAIMS_RECORDED};
use super::claims::{Judgement, Judgements, SENDERS, Tally};
use super::words::RECONSTRUCTION;

const STYLE: &str = include_str!("report.css");

/// The page.
pub fn html(judgements: &Judgements, figures: &[Rendered]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>migsim: the abstract's claims, as figures\
         </title>\n<style>{STYLE}</style></head>\n<body>\n<h1>The abstract's claims, as figures</h1>\n\
         <p>Simulations of VM live migration by migsim {}. {RECONSTRUCTION} Made by <code>migsim figures</code>; the rows \
         behind each figure are in <code>figures/*.csv</code>.</p>\n",
        env!("CARGO_PKG_VERSION")
    );
    contents(&mut page, judgements, figures);
    let (first, others) = figures.split_at(figures.len().min(1));
    sections(&mut page, first);
    claims(&mut page, judgements);
    sections(&mut page, others);
    push(&mut page, "</body></html>\n");
    page
}

/// Figures with their numbers and scenarios.
fn sections(page: &mut String, figures: &[Rendered]) {
    for rendered in figures {
        let figure = rendered.figure;
        push(
            page,
            &format!(
                "<section id=\"{0}\">\n<h2>{1}</h2>\n<div class=\"picture\">{2}</div>\n<p>The figure's \
                 <a href=\"figures/{0}.csv\">rows</a> and its <a href=\"figures/{0}.svg\">picture</a>.</p>\n",
                figure.name,
                escaped(figure.title),
                rendered.svg
            ),
        );
        details(page, "Numbers", &table(&rendered.table));
        details(
            page,
            "Scenario",
            &format!("<pre>{}</pre>", escaped(figure.scenario)),
        );
        push(page, "</section>\n");
    }
}

/// Links to all parts of the page.
fn contents(page: &mut String, judgements: &Judgements, figures: &[Rendered]) {
    let verdicts = [("verdicts", "Verdicts")];
    let recorded = judgements.recorded.as_ref();
    let recorded = recorded.map(|_| ("verdicts-recorded", "Verdicts on recordings of real guests"));
    let mut figures = figures.iter().map(|it| (it.figure.name, it.figure.title));
    let first = figures.next();
    push(page, "<nav><h2>Contents</h2>\n<ul>\n");
    let parts = first
        .into_iter()
        .chain(verdicts)
        .chain(recorded)
        .chain(figures);
    for (id, title) in parts {
        push(
            page,
            &format!("<li><a href=\"#{id}\">{}</a></li>\n", escaped(title)),
        );
    }
    push(page, "</ul></nav>\n");
}

fn claims(page: &mut String, judgements: &Judgements) {
    push(
        page,
        &format!(
            "<h2 id=\"verdicts\">Verdicts</h2>\n<p>Over all {} cases (guest × W × network × sender × reading, each the mean of \
             three positions of the migration), and over the regime: the cases in which the mechanism behind the claim can act. \
             A case counts as <em>same</em> within 1 %, for the downtime only when it is equal. A claim <em>holds</em> when no \
             case is worse and the sum is better (for the downtime: not worse), <em>in part</em> when some cases are better, \
             and otherwise it <em>does not hold</em>. <code>migsim figures --check</code> exits with 1 when a verdict changes: \
             a claim that does not hold is a result.</p>\n<p>Two readings of the abstract: the link is idle in the record \
             window, or memory is pushed while it is recorded. And two of its page faults: all touches of pages that are not \
             there, or those whose page was not yet sent.</p>\n",
            judgements.guests.cases.len()
        ),
    );
    verdicts(page, &judgements.guests);
    push(
        page,
        "<p>With a pipelined sender and an idle link C3 cannot hold: the sender never idles, so faults cost it no time, and the \
         record window W is added to the total time. With a synchronous sender every demanded page costs a way there and back \
         in which nothing is pushed; the total time falls where the faults that are saved cost more than W.</p>\n\
         <p>Fewer faults are not always what is wanted (C1, C2): on guests that sweep through memory, PDoPMP and clairvoyant \
         push pages in the order of their use, so that the guest meets many of them a moment before they arrive. That makes \
         many short faults where a wrong order makes few long ones; see the stall in the figures.</p>\n",
    );
    details(
        page,
        "Scenario of the claims",
        &format!("<pre>{}</pre>", escaped(CLAIMS)),
    );
    if let Some(recorded) = &judgements.recorded {
        push(
            page,
            &format!(
                "<h2 id=\"verdicts-recorded\">Verdicts on recordings of real guests</h2>\n<p>{} cases: recording × W × \
                 network × sender × reading, one position.</p>\n",
                recorded.cases.len()
            ),
        );
        verdicts(page, recorded);
        details(
            page,
            "Scenario of the claims on recordings",
            &format!("<pre>{}</pre>", escaped(CLAIMS_RECORDED)),
        );
    }
}

/// All claims by both readings, then by sender, and the cases at odds.
fn verdicts(page: &mut String, judgement: &Judgement) {
    let header = [
        "Claim",
        "In W",
        "All cases",
        "better / same / worse",
        "sum changes by",
        "Regime",
        "In the regime",
        "better / same / worse",
        "sum changes by",
    ];
    let rows = judgement.judged.iter().map(|judged| {
        vec![
            format!("{}: {}", judged.claim.id, judged.claim.statement),
            judged.reading.name().to_owned(),
            judged.all.verdict.to_string(),
            counts(&judged.all),
            change(&judged.all),
            judged.claim.regime.to_owned(),
            judged.regime.verdict.to_string(),
            counts(&judged.regime),
            change(&judged.regime),
        ]
    });
    page.push_str(&table(&with_header(&header, rows)));
    details(page, "By sender", &table(&by_sender(judgement)));
    failing_cases(page, judgement);
}

fn with_header(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let header = header.iter().map(|&word| word.to_owned()).collect();
    std::iter::once(header).chain(rows).collect()
}

/// Claims over the cases of each sender.
fn by_sender(judgement: &Judgement) -> Vec<Vec<String>> {
    let header = [
        "Claim",
        "In W",
        "Sender",
        "Verdict",
        "better / same / worse",
        "sum changes by",
    ];
    let rows = judgement.judged.iter().flat_map(|judged| {
        SENDERS.map(|sender| {
            let tally = judgement.with_sender(judged, sender);
            vec![
                format!("{}: {}", judged.claim.id, judged.claim.statement),
                judged.reading.name().to_owned(),
                sender.to_owned(),
                tally.verdict.to_string(),
                counts(&tally),
                change(&tally),
            ]
        })
    });
    with_header(&header, rows)
}

/// The cases in which claims do not hold.
fn failing_cases(page: &mut String, judgement: &Judgement) {
    let some = judgement.judged.iter();
    for judged in some.filter(|judged| !judged.all.worse.is_empty()) {
        let header = ["Guest", "W", "Network", "Sender", "against", "value"];
        let rows = judged.all.worse.iter().map(|&place| {
            let case = &judgement.cases[place];
            let finding = judgement.finding(judged.claim, place);
            vec![
                case.guest.clone(),
                case.window.clone(),
                case.network.clone(),
                case.sender.clone(),
                number(finding.against),
                number(finding.value),
            ]
        });
        let title = format!(
            "{}, {}: {} of {} cases at odds ({})",
            judged.claim.id,
            judged.reading.name(),
            judged.all.worse.len(),
            judged.all.cases(),
            judged.claim.measure
        );
        details(page, &title, &table(&with_header(&header, rows)));
    }
}

/// Cases as claimed, the same, and at odds.
fn counts(tally: &Tally) -> String {
    format!("{} / {} / {}", tally.better, tally.same, tally.worse.len())
}

fn change(tally: &Tally) -> String {
    tally
        .change()
        .map_or_else(|| "–".to_owned(), |change| format!("{change:+.1} %"))
}

/// Faults are means over positions; times are in seconds or milliseconds.
fn number(value: f64) -> String {
    format!("{value:.3}")
}

fn table(rows: &[Vec<String>]) -> String {
    let mut html = "<div class=\"scroll\"><table>\n".to_owned();
    for (place, row) in rows.iter().enumerate() {
        let cell = if place == 0 { "th" } else { "td" };
        push(&mut html, "<tr>");
        for word in row {
            push(&mut html, &format!("<{cell}>{}</{cell}>", escaped(word)));
        }
        push(&mut html, "</tr>\n");
    }
    push(&mut html, "</table></div>\n");
    html
}

fn details(page: &mut String, summary: &str, inner: &str) {
    push(
        page,
        &format!(
            "<details><summary>{}</summary>\n{inner}</details>\n",
            escaped(summary)
        ),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn push(page: &mut String, text: &str) {
    page.push_str(text);
}
