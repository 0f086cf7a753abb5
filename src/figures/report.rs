//! All figures and verdicts as one page, which needs nothing but a browser.

use super::Rendered;
use super::catalogue::{CLAIMS, CLAIMS_RECORDED};
use super::claims::{ALL, Judgement, Judgements, SENDERS, Tally};
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
    let judgement = &judgements.asserted;
    push(
        page,
        &format!(
            "<h2 id=\"verdicts\">Verdicts</h2>\n<p><strong>{}</strong> That is what the exit status of <code>migsim figures --check</code> \
             says.</p>\n<p>Over all {} cases (guest × W × network × sender, each the mean of three positions of the \
             migration), and in the regime where the claim is asserted. A case counts as <em>same</em> within 1 %, for the \
             downtime only when it is equal. A claim <em>holds</em> when no case is worse and the sum is better (for the \
             downtime: not worse), <em>in part</em> when some cases are better, and otherwise it <em>does not hold</em>. The \
             regimes were chosen with these results in sight: they say where a claim holds, and are no evidence of it \
             elsewhere.</p>\n",
            judgement.verdict_line(),
            judgement.cases.len()
        ),
    );
    let mut rows = vec![
        [
            "Claim",
            "What is compared",
            "Over all cases",
            "better / same / worse",
            "sum changes by",
            "Regime where it is asserted",
            "In the regime",
            "better / same / worse",
            "sum changes by",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (claim, (all, regime)) in ALL.iter().zip(&judgement.tallies) {
        rows.push(vec![
            format!("{}: {}", claim.id, claim.statement),
            claim.measure.to_owned(),
            all.verdict.to_string(),
            counts(all),
            change(all),
            claim.regime.to_owned(),
            regime.verdict.to_string(),
            counts(regime),
            change(regime),
        ]);
    }
    push(page, &table(&rows));
    push(
        page,
        "<p>With a pipelined sender C3 does not hold: the sender never idles, so faults cost it no time, and the record window W \
         is added to the total time. With a synchronous sender every demanded page costs a way there and back in which \
         nothing is pushed; the total time falls where the faults that are saved cost more than W.</p>\n\
         <p>Fewer faults are not always what is wanted (C1, C2): on guests that sweep through memory, PDoPMP and clairvoyant \
         push pages in the order of their use, so that the guest meets many of them a moment before they arrive. That makes \
         many short faults where a wrong order makes few long ones; see the stall in the figures.</p>\n",
    );
    page.push_str(&table(&by_sender(judgement)));
    at_odds(page, judgement);
    details(
        page,
        "Scenario of the claims",
        &format!("<pre>{}</pre>", escaped(CLAIMS)),
    );
    if let Some(recorded) = &judgements.recorded {
        on_recordings(page, recorded);
    }
}

/// The verdicts on the recordings.
fn on_recordings(page: &mut String, judgement: &Judgement) {
    page.push_str(&format!(
        "<h2 id=\"verdicts-recorded\">Verdicts on recordings of real guests</h2>\n<p>{} cases: recording × W × network × sender, one position. \
         The exit status of <code>--check</code> is not about these.</p>\n",
        judgement.cases.len()
    ));
    page.push_str(&table(&by_sender(judgement)));
    at_odds(page, judgement);
    details(
        page,
        "Scenario of the claims on recordings",
        &format!("<pre>{}</pre>", escaped(CLAIMS_RECORDED)),
    );
}

/// Claims over all cases, and over those of each sender.
fn by_sender(judgement: &Judgement) -> Vec<Vec<String>> {
    let header = [
        "Claim",
        "Sender",
        "Verdict",
        "better / same / worse",
        "sum changes by",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (claim, (all, _)) in ALL.iter().zip(&judgement.tallies) {
        let mut row = |sender: &str, tally: &Tally| {
            rows.push(vec![
                format!("{}: {}", claim.id, claim.statement),
                sender.to_owned(),
                tally.verdict.to_string(),
                counts(tally),
                change(tally),
            ]);
        };
        row("both", all);
        for sender in SENDERS {
            row(sender, &judgement.with_sender(claim, sender));
        }
    }
    rows
}

/// The cases in which claims do not hold.
fn at_odds(page: &mut String, judgement: &Judgement) {
    for (claim, (all, _)) in ALL
        .iter()
        .zip(&judgement.tallies)
        .filter(|(_, (all, _))| !all.worse.is_empty())
    {
        let mut rows = vec![
            ["Guest", "W", "Network", "Sender", "against", "value"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for &place in &all.worse {
            let case = &judgement.cases[place];
            let finding = judgement.finding(claim, place);
            rows.push(vec![
                case.guest.clone(),
                case.window.clone(),
                case.network.clone(),
                case.sender.clone(),
                number(finding.against),
                number(finding.value),
            ]);
        }
        let title = format!(
            "{}: {} of {} cases at odds ({})",
            claim.id,
            all.worse.len(),
            all.cases(),
            claim.measure
        );
        details(page, &title, &table(&rows));
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
