//! A link whose bandwidth changes, that others load, or that is out of order for a while.

use migsim::network::{BackgroundSettings, Outage, RecoverySettings, Step, Steps};
use migsim::units::{Bytes, SimTime};

use super::{Case, base, bits_per_second, faults, ns, on_demand, read, simulate, takes};

/// From so many nanoseconds on, so many bits per second.
fn with_steps(case: &mut Case, steps: &[(u64, u64)]) {
    let step = |&(at, bits)| Step {
        at: SimTime::from_ns(at),
        bandwidth: bits_per_second(bits),
    };
    case.scenario.link.steps = Steps::given(steps.iter().map(step).collect());
}

#[test]
fn what_is_left_of_a_page_keeps_its_share() {
    // Page 0 is enqueued at 1352. By 1402 half of it has passed; the other half takes 100 at half the bandwidth: left
    // 1502. Page 1 takes 200: left 1702, installed 1756.
    let mut case = base(2, &[]);
    with_steps(&mut case, &[(1402, 4_000_000_000)]);
    takes(&simulate(&case), 0, ns(1756));
    // At 7 Gbit/s a page takes 114.286 (rounded up). The other half takes 57.143: left 1459.143; page 1 left 1573.429.
    with_steps(&mut case, &[(1402, 7_000_000_000)]);
    takes(&simulate(&case), 0, 1_627_429);
    // A change when page 0 has just left: page 1 left 1652.
    with_steps(&mut case, &[(1452, 4_000_000_000)]);
    takes(&simulate(&case), 0, ns(1706));
    // One that has come back by then changes nothing.
    with_steps(&mut case, &[(1110, 4_000_000_000), (1352, 8_000_000_000)]);
    takes(&simulate(&case), 0, ns(1606));
}

#[test]
fn the_core_state_takes_what_the_link_has() {
    // Sent from 100 on. By 600 half of it has passed; the rest would take 1000 and has 800 of it by 1400; what is left
    // takes 100: left 1500. R = 1750. Pages left 1852 and 1952, installed 2006.
    let mut case = base(2, &[]);
    with_steps(&mut case, &[(600, 4_000_000_000), (1400, 8_000_000_000)]);
    let outcome = simulate(&case);
    assert_eq!(outcome.downtime, ns(1750));
    takes(&outcome, 0, ns(2006));
}

#[test]
fn a_window_and_a_slower_link_alternate() {
    // Latency 500 and a window of 300: of the core state 100 bytes have left at 200, and 300 more a round trip later,
    // at 1200. From 1000 on a byte takes 10, so that the next 300 leave at 4200 and the last at 7200: R = 7900. The
    // window opens with their acknowledgement, at 8200. Pages left 9200 and 10,200, installed 10,704.
    let mut case = base(2, &[]);
    case.scenario.link.latency = SimTime::from_ns(500);
    case.scenario.destination.receive_buffer = Bytes(300);
    with_steps(&mut case, &[(1000, 800_000_000)]);
    let outcome = simulate(&case);
    assert_eq!(outcome.downtime, ns(7900));
    takes(&outcome, 0, ns(10_704));
}

#[test]
fn a_load_of_99_per_cent_has_no_room_to_vary() {
    // 1 % of 8 Gbit/s: a byte takes 100. The core state is sent from 100 to 100,100: R = 100,350. Page 0 is enqueued at
    // 100,352 and leaves at 110,352, page 1 at 120,352: installed 120,406. Whether the share is drawn once or twice
    // makes no difference.
    let mut case = base(2, &[]);
    for period in [SimTime::from_us(100), SimTime::from_ms(1_000)] {
        case.scenario.link.background = Some(BackgroundSettings {
            mean_percent: 99,
            period,
            seed: 7,
        });
        takes(&simulate(&case), 0, ns(120_406));
    }
}

/// Nothing passes from so many nanoseconds on, for so many.
fn with_outage(case: &mut Case, at: u64, duration: u64) {
    case.scenario.link.outages = vec![Outage {
        at: SimTime::from_ns(at),
        duration: SimTime::from_ns(duration),
    }];
}

#[test]
fn an_outage_holds_up_what_is_on_the_wire() {
    // By 1400 page 0 has 48 of its 100; the rest passes from 1700 on: left 1752. Page 1 left 1852, installed 1906.
    let mut case = base(2, &[]);
    with_outage(&mut case, 1400, 300);
    takes(&simulate(&case), 0, ns(1906));
    // Page 0 has left at 1452, and arrives. Page 1 passes from 1752 on: left 1852.
    with_outage(&mut case, 1452, 300);
    takes(&simulate(&case), 0, ns(1906));
    // Half of the core state passes before, half after: left 2100, R = 2350; pages left 2452, 2552, installed 2606.
    with_outage(&mut case, 600, 1000);
    let outcome = simulate(&case);
    assert_eq!(outcome.downtime, ns(2350));
    takes(&outcome, 0, ns(2606));
}

#[test]
fn requests_wait_for_the_end_of_an_outage_in_their_order() {
    // Page 0, touched by vCPU 1 at 1360, and page 1, touched by vCPU 0 at 1370, would be requested at 1365 and 1375.
    // Both requests go out at 1762 and arrive at 1812, page 0's first: enqueued 1815 and 1818, left 1915 and 2015,
    // installed 1969 and 2069, on at 1975 and 2075: 615 and 705.
    let mut case = on_demand(2, &[read(10, 1, 0), read(20, 0, 1)]);
    with_outage(&mut case, 1362, 400);
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [0, 1]);
    takes(&outcome, ns(615 + 705), ns(2069));
}

#[test]
fn a_window_opens_when_an_outage_lets_acknowledgements_pass() {
    // A window of a page. Page 0 left 1452, installed 1506. Its acknowledgement goes out at 1604 and is there at 1654;
    // page 1 left 1754, installed 1808.
    let mut case = base(2, &[]);
    case.scenario.destination.receive_buffer = Bytes(100);
    with_outage(&mut case, 1504, 100);
    takes(&simulate(&case), 0, ns(1808));
}

/// An outage of 1000 from 1500 on, and a hypervisor that gives up after so many nanoseconds.
fn given_up_after(timeout: u64, case: &mut Case) {
    with_outage(case, 1500, 1000);
    case.scenario.link.recovery = Some(RecoverySettings {
        timeout: SimTime::from_ns(timeout),
        reconnect: SimTime::from_ns(100),
    });
}

#[test]
fn what_is_lost_is_sent_again_over_a_new_connection() {
    // Page 0 left 1452, and page 3 is enqueued at 1454. Post-copy pauses at 1700; pages 1, 2 and 3 are lost. A new
    // connection stands at 2600. The source asks, heard at 2650; the answer is a byte, which arrives at 2701; the
    // source goes on, heard at 2751, acknowledged at 2801. Pages are enqueued at 2803, 2805 and 2807, left 2903, 3003
    // and 3103, installed 3157.
    let mut case = base(4, &[]);
    given_up_after(200, &mut case);
    let outcome = simulate(&case);
    takes(&outcome, 0, ns(3157));
    assert_eq!((outcome.pages_sent, outcome.duplicate_pages_sent), (4, 0));
    // An outage that is no longer than that is a standstill: page 1 has 52 to go, left 2552, pages 2 and 3 2652 and
    // 2752, installed 2806.
    given_up_after(1000, &mut case);
    takes(&simulate(&case), 0, ns(2806));
}

#[test]
fn a_fault_outlives_the_connection() {
    // Page 3, touched at 1360, is enqueued behind page 2 at 1455, and lost with it. It is requested anew at 2751, and
    // enqueued at 2804: left 2904, installed 2958, on at 2964, which is 1604. Pages 1 and 2 left 3004 and 3104,
    // installed 3158.
    let mut case = base(4, &[read(10, 0, 3)]);
    given_up_after(200, &mut case);
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [0, 3, 1, 2]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 2));
    takes(&outcome, ns(1604), ns(3158));
    // Touched at 1810, within the pause: requested first at 2751; on at 2964, which is 1154.
    let mut case = base(4, &[read(460, 0, 3)]);
    given_up_after(200, &mut case);
    let outcome = simulate(&case);
    assert_eq!(outcome.requests, 1);
    takes(&outcome, ns(1154), ns(3158));
}
