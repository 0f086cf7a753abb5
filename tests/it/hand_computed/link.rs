//! How pages and requests share the link, and how pages are received.

use migsim::host::destination::Nagle;
use migsim::network::{CongestionControl, Discipline, LossSettings};
use migsim::units::Bytes;
use migsim::units::SimTime;

use super::{Case, base, bits_per_second, faults, ns, on_demand, read, simulate, takes};

/// Pages 0, 1, 2 are picked at 1350, 1352, 1354 and enqueued at 1352, 1354, 1356 (0, 100, 200 bytes wait before the
/// picks: less than 250; afterwards 300 do). Page 3 is touched at 1360; its request arrives at 1415.
fn behind_a_full_send_buffer(discipline: Discipline) -> Case {
    let mut case = base(4, &[read(10, 0, 3)]);
    case.scenario.link.discipline = discipline;
    case
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_fifo() {
    // Room when page 0 has left, at 1452; picked then, enqueued 1455, behind page 1 (left 1552) and page 2 (1652); left
    // 1752; arrived 1802; installed 1806; on at 1812; 1812 − 1360 = 452.
    let outcome = simulate(&behind_a_full_send_buffer(Discipline::Fifo));
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(452), ns(1806));
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_priority() {
    // Picked at 1415, enqueued 1418, when page 0 has 1418 − 1352 = 66 done and 34 to go; left 1518, as on an idle link:
    // 218. Page 0 then leaves at 1552, page 1 at 1652, page 2 at 1752: installed 1806.
    let outcome = simulate(&behind_a_full_send_buffer(Discipline::Priority));
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(218), ns(1806));
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_fair() {
    // From 1418 both at half speed. Page 0's 34 take 68: left 1486, the demand page has 66 to go. Page 1 follows at
    // half speed; 66 take 132: demand page left 1618; arrived 1668; installed 1672; on at 1678: 318. Page 1 has 34 to
    // go at full speed: left 1652; page 2 left 1752: installed 1806.
    let mut case = behind_a_full_send_buffer(Discipline::Fair);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(318), ns(1806));

    // 1 ps more of latency: R = 1350.001, so the touch is at 1360.001 and page 0 is enqueued at 1352.001. The demand
    // page is enqueued at 1418.002; page 0 has 66.001 done and 33.999 to go, at half speed 67.998: left 1486.000; then
    // 66.001 of the demand page at half speed: 132.002: left 1618.002; + 50.001 + 4 + 6 = 1678.003; less 1360.001.
    case.scenario.link.latency += SimTime::from_ps(1);
    assert_eq!(simulate(&case).stall, 318_002);
}

#[test]
fn fair_shares_to_the_picosecond() {
    // Messages of 1 byte, 8 ps each = 16 half-units; nothing else takes time but the trap: R = 0. Room for two bytes,
    // so pages 0 and 1 are enqueued at 0 and page 2 waits. It is touched at 0.
    let mut case = base(3, &[read(0, 0, 2)]);
    case.page_size = 1;
    let scenario = &mut case.scenario;
    scenario.vm.memory = Some(Bytes(3));
    scenario.link.message_header = 0;
    scenario.source.send_buffer = Bytes(2);
    scenario.link.discipline = Discipline::Fair;
    scenario.link.bandwidth = bits_per_second(1_000_000_000_000);
    scenario.vm.core_state = Bytes(0);
    for cost in [
        &mut scenario.vm.suspend,
        &mut scenario.vm.resume,
        &mut scenario.link.latency,
        &mut scenario.source.push_service,
        &mut scenario.source.zero_service,
        &mut scenario.source.demand_service,
        &mut scenario.destination.install,
        &mut scenario.destination.zero_install,
        &mut scenario.destination.wake,
    ] {
        *cost = SimTime::ZERO;
    }
    let outcome = |case: &Case, trap| {
        let mut case = case.clone();
        case.scenario.destination.fault_trap = SimTime::from_ps(trap);
        simulate(&case)
    };
    // Demand page enqueued at 5 ps. Page 0 has 16 − 10 = 6 to go at rate 1: left 11, the demand page has 10 to go: left
    // 21, page 1 has 6 to go at rate 2: left 24.
    takes(&outcome(&case, 5), 21, 24);
    // At 6: page 0 has 4 to go: left 10, demand page 12 to go: left 22; page 1 4 to go: left 24.
    takes(&outcome(&case, 6), 22, 24);
    // At 8, when page 0 has just left: page 1 and the demand page share from 8 to 24.
    takes(&outcome(&case, 8), 24, 24);
    // At 0 touch, handler and request come before the thread: page 0 and the demand page leave at 16 both; page 1 takes
    // until 24.
    let at_once = outcome(&case, 0);
    takes(&at_once, 16, 24);
    assert_eq!(at_once.push_and_demand_order, [2, 0, 1]);

    // 6.99… → 7 ps a byte; page 1 is a zero page of 3 bytes (20.99… → 21 ps = 42 half-units). Room for four bytes would
    // let page 2 be pushed only with less than 4 queued: 1 + 3 are not less.
    case.scenario.link.bandwidth = bits_per_second(1_142_857_142_858);
    case.zero = vec![false, true, false];
    case.scenario.link.zero_page_bytes = 3;
    case.scenario.source.send_buffer = Bytes(4);
    // Demand page (14) enqueued at 4: page 0 has 14 − 8 = 6 to go: left 10; demand page 8 to go: left 18; page 1 has
    // 42 − 8 = 34 to go at rate 2: left 35.
    takes(&outcome(&case, 4), 18, 35);
}

#[test]
fn one_receiver_installs_in_turn() {
    // Left 1452 and 1552, arrived 1502 and 1602; install of 200: 1702, then 1702 + 200 = 1902.
    let mut case = base(2, &[]);
    case.scenario.destination.install = SimTime::from_ns(200);
    takes(&simulate(&case), 0, ns(1902));
}

#[test]
fn a_receiver_for_each_channel() {
    // Install 200. Page 0 left 1452, arrived 1502, installed 1702; page 1 left 1552, arrived 1602, installed 1902. Page
    // 5, touched at 1500, is requested at 1555, enqueued 1558 and goes before page 2: left 1658, arrived 1708. Its own
    // receiver installs it by 1908, on at 1914: 414. Pages 2, 3 and 4 are installed at 2102, 2302, 2502.
    let mut case = base(6, &[read(150, 0, 5)]);
    case.scenario.link.discipline = Discipline::Priority;
    case.scenario.destination.install = SimTime::from_ns(200);
    case.scenario.link.demand_channel.receiver_thread = true;
    takes(&simulate(&case), ns(414), ns(2502));
    // Of one receiver it is the third page: installed 2102, on at 2108; then the other three.
    case.scenario.link.demand_channel.receiver_thread = false;
    takes(&simulate(&case), ns(608), ns(2702));
}

#[test]
fn pieces_go_as_a_whole() {
    // One page in the device. Page 0 begins alone and leaves at 1452; by then pages 1, 2 and 3 wait, and two of them
    // are a piece of 200 bytes: left 1652, arrived 1702, installed 1706 and 1710. Page 1, touched at 1550: on at 1712,
    // 162. Page 3 left 1752, installed 1806.
    let mut case = base(4, &[read(200, 0, 1)]);
    case.scenario.source.send_buffer = Bytes(1000);
    case.scenario.link.device_queue = Bytes(100);
    case.scenario.link.segment = Bytes(200);
    takes(&simulate(&case), ns(162), ns(1806));
    // One by one, page 1 left 1552, installed 1606, on at 1612.
    case.scenario.link.segment = Bytes(0);
    takes(&simulate(&case), ns(62), ns(1806));
}

#[test]
fn requests_that_wait_for_an_acknowledgement() {
    // Latency 200: R = 1500. Page 0, touched at 1510, is requested at 1515: arrived 1715, enqueued 1718, left 1818,
    // installed 2022, on at 2028: 518. The idle source acknowledges at 1715, which arrives at 1915. Page 1, touched at
    // 1520, is held at 1525 until then: arrived 2115, enqueued 2118, left 2218, installed 2422, on at 2428: 908.
    let mut case = on_demand(2, &[read(10, 0, 0), read(20, 1, 1)]);
    case.scenario.link.latency = SimTime::from_ns(200);
    case.scenario.destination.nagle = Nagle::DelayedAck;
    takes(&simulate(&case), ns(518 + 908), ns(2422));
    // Not held: arrived 1725, left behind page 0 at 1918, installed 2122, on at 2128: 608.
    case.scenario.destination.nagle = Nagle::Off;
    takes(&simulate(&case), ns(518 + 608), ns(2122));
}

#[test]
fn what_is_sent_together_is_acknowledged_once() {
    // As above, and page 2, touched at 1525, held at 1530. Pages 1 and 2 are requested at 1915: arrived 2115, enqueued
    // 2118 and 2121, left 2218 and 2318, installed 2422 and 2522, on at 2428 and 2528: 908 and 1003. Page 3, touched at
    // 2200, held at 2205 until they are acknowledged at 2315: arrived 2515, enqueued 2518, left 2618, installed 2822,
    // on at 2828: 628. Page 4, touched at 2320, held at 2325 until that is acknowledged at 2715: arrived 2915, enqueued
    // 2918, left 3018, installed 3222, on at 3228: 908.
    let mut case = on_demand(
        5,
        &[
            read(10, 0, 0),
            read(20, 1, 1),
            read(25, 2, 2),
            read(700, 3, 3),
            read(820, 4, 4),
        ],
    );
    case.scenario.link.latency = SimTime::from_ns(200);
    case.scenario.destination.nagle = Nagle::DelayedAck;
    takes(&simulate(&case), ns(518 + 908 + 1003 + 628 + 908), ns(3222));
}

#[test]
fn an_acknowledgement_at_once_waits_behind_what_is_under_way() {
    // Latency 20: R = 1320. Page 0, touched at 1330, is requested at 1335: arrived 1355, acknowledged at once on the
    // idle link, enqueued 1358, left 1458, on at 1488: 158. Page 1, a zero page, touched at 1380, is requested at 1385:
    // arrived 1405, enqueued 1408, left behind page 0 at 1467, installed 1491, on at 1497: 117. Page 2, touched at
    // 1390, is held at 1395. Page 1's request is acknowledged behind page 0: left 1458, at 1478. Arrived 1498, enqueued
    // 1501, left 1601, installed 1625, on at 1631: 241.
    let mut case = on_demand(3, &[read(10, 0, 0), read(60, 1, 1), read(70, 2, 2)]);
    case.zero = vec![false, true, false];
    case.scenario.link.discipline = Discipline::Fair;
    case.scenario.link.latency = SimTime::from_ns(20);
    case.scenario.destination.nagle = Nagle::Quickack;
    takes(&simulate(&case), ns(158 + 117 + 241), ns(1625));
    // No pushed page carries it, so that it leaves as it is due, at 1405, and is there at 1425: page 2 arrived 1445,
    // enqueued 1448, left behind page 1 at 1567, installed 1591, on at 1597: 207.
    case.scenario.destination.nagle = Nagle::DelayedAck;
    takes(&simulate(&case), ns(158 + 117 + 207), ns(1591));
}

#[test]
fn an_acknowledgement_goes_with_pushed_pages() {
    // On the wire: pages 0, 1 and 2 from 1352, 1452 and 1552. Page 7, touched at 1360, is requested at 1415, served
    // when there is room at 1452, and on the wire from 1652: left 1752, on at 1812: 452. Its request is acknowledged
    // with page 1, the next to begin at 1415, which has left at 1552: at 1602. Page 6, touched at 1370, is held at 1375
    // until then: arrived 1652, served at once, on the wire behind page 3 from 1852: on at 2012: 642. Pages 4 and 5
    // follow: left 2152, installed 2206.
    let mut case = base(8, &[read(10, 0, 7), read(20, 1, 6)]);
    case.scenario.destination.nagle = Nagle::DelayedAck;
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 7, 3, 6, 4, 5]);
    takes(&outcome, ns(452 + 642), ns(2206));
    // Acknowledged at once, behind page 0, which leaves at 1452: at 1502. It arrives at 1552, as there is room: on at
    // 1912.
    case.scenario.destination.nagle = Nagle::Quickack;
    takes(&simulate(&case), ns(452 + 542), ns(2206));
    // Not held, it arrives at 1425 and is served at 1552 all the same.
    case.scenario.destination.nagle = Nagle::Off;
    takes(&simulate(&case), ns(452 + 542), ns(2206));
}

#[test]
fn a_window_opens_when_its_acknowledgement_is_back() {
    // A window of 150: the core state of 1,000 would take 6 round trips of 100 and 100 ns more; the link needs 1,000. R
    // = 1350. Pages 0 and 1 leave at 1452 and 1552: 100 < 150 are under way when page 1 begins. Installed at 1506 and
    // 1606, acknowledged at 1556 and 1656. Page 2 begins at 1556: left 1656. Page 3 begins at 1656: left 1756,
    // installed 1810.
    let mut case = base(4, &[]);
    case.scenario.destination.receive_buffer = Bytes(150);
    takes(&simulate(&case), 0, ns(1810));
    // Latency 500. The core state: 6 windows' worth after 1,000 each, and 100 more, left 6200: R = 6200 + 500 + 200 =
    // 6900. It is acknowledged at 7200: pages leave at 7300 and 7400, are installed at 7804 and 7904, acknowledged at
    // 8304 and 8404. The next leave at 8404 and 8504, the last is installed at 9008.
    case.scenario.link.latency = SimTime::from_ns(500);
    let outcome = simulate(&case);
    assert_eq!(outcome.downtime, ns(6900));
    takes(&outcome, 0, ns(9008));
    // A receiver of 300 a page: installed at 8100 and 8400, acknowledged at 8600 and 8900; left 8700 and 9000,
    // installed 9500 and 9800.
    case.scenario.destination.install = SimTime::from_ns(300);
    takes(&simulate(&case), 0, ns(9800));
}

#[test]
fn a_large_page_goes_in_parts() {
    // A page of 16 KiB, 16,420 with its header, and a window of 5,000: parts of 4,132. Latency 5,000: the core state
    // has left at 1100, is acknowledged at 11,100, and R = 6300. Four times 4 KiB are handed over at 6308. Part 1
    // leaves at 10,440, and the window is full until 11,100. Part 2 leaves at 15,232, part 3 begins when the first is
    // acknowledged, at 20,440, the last 4,024 bytes when the second is, at 25,232. They have left at 29,256, and the
    // page is installed 5,000 and four times 4 later.
    let mut case = base(1, &[]);
    case.page_size = 16_384;
    case.scenario.vm.memory = Some(Bytes(16_384));
    case.scenario.link.latency = SimTime::from_us(5);
    case.scenario.destination.receive_buffer = Bytes(5_000);
    takes(&simulate(&case), 0, ns(34_272));
}

#[test]
fn losses_limit_each_connection() {
    // Packets of 1,000 bytes, of which 3,750 of a million are lost: Reno has √(3 / 0.0075) = 20 of them in flight,
    // 20,000 bytes. CUBIC would have fewer in 100 us, and follows Reno. So 20,000 bytes of the core state of 50,000
    // leave every 100 us, and the last 10,000 from 200 us on. With what is sent again a byte takes 1 / 0.99625 ns: they
    // 10,037.642 ns, rounded up, and a page 100.377 ns. The core state has left at 210,137.642. R is 50,200 later; the
    // page begins when the core state is acknowledged, at 310,137.642, and is installed 100.377 + 50,000 + 4 later.
    let mut case = base(1, &[]);
    case.scenario.link.latency = SimTime::from_us(50);
    case.scenario.vm.core_state = Bytes(50_000);
    for congestion_control in [CongestionControl::Reno, CongestionControl::Cubic] {
        case.scenario.link.loss = Some(LossSettings {
            per_million: 3_750,
            congestion_control,
        });
        takes(&simulate(&case), 0, 360_242_019);
    }
    // BBR sends all again that is lost: 100 / 0.99 = 101.01 ns a page, 50,505.051 the core state, rounded up.
    case.scenario.link.loss = Some(LossSettings {
        per_million: 10_000,
        congestion_control: CongestionControl::Bbr,
    });
    let core = 50_505_051;
    let resumed = ns(100 + 50_000 + 200) + core;
    takes(&simulate(&case), 0, resumed + ns(2 + 50_000 + 4) + 101_011);
}

#[test]
fn a_rate_limit_holds_back_pushed_pages_only() {
    // 1.2 Gbit/s are 150 bytes in a period of 1,000 ns, the first of which begins at R = 1350. Pages 0 and 1 are picked
    // at 1350 and 1352, as no more than 150 bytes were sent by then; 200 were afterwards. Page 3 is touched at 1360,
    // and picked when its request arrives, at 1415: behind page 1 it leaves at 1652; on at 1712. Page 2 waits for the
    // next period: picked at 2350, left 2452, installed 2506.
    let mut case = base(4, &[read(10, 0, 3)]);
    case.scenario.source.max_postcopy_bandwidth = Some(bits_per_second(1_200_000_000));
    case.scenario.source.limiter_period = Some(SimTime::from_ns(1_000));
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 3, 2]);
    takes(&outcome, ns(352), ns(2506));
}
