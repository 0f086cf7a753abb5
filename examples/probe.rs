use migsim::{comparison::observe, scenario::ScenarioSource, strategy::Registry, trace::Trace};
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let mut source = ScenarioSource::open(std::path::Path::new("scenarios/qemu.toml")).unwrap();
    for s in &a[2..] {
        source.set(s).unwrap();
    }
    let scenario = source.scenario().unwrap();
    let trace = Trace::open(std::path::Path::new(&a[0])).unwrap();
    let o = observe(&scenario, &trace, &Registry::standard(), "post-copy").unwrap();
    let ms = |t: migsim::time::SimTime| (t.as_ps() / 1_000_000) as f64 / 1e3;
    let least: f64 = a[1].parse().unwrap();
    for s in &o.outcome.stalls {
        let w = ms(s.until) - ms(s.from);
        if w >= least {
            println!(
                "{:.3} wait {w:.3} vcpu {} page {} req {:.3} handed {:.3} arrived {:.3} until {:.3}",
                ms(s.from),
                s.vcpu,
                s.page,
                ms(s.passage.requested_at),
                ms(s.passage.handed_at),
                ms(s.passage.arrived_at),
                ms(s.until)
            );
        }
    }
}
