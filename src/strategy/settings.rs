//! What strategies are built from.

use super::hybrid::HybridSettings;
use super::parameters::ByStrategy;
use super::pdopmp::PdopmpSettings;
use super::plan::PlanSettings;
use super::pre_record::PreRecordSettings;
use super::scan::Push;
use crate::units::SimTime;

/// The settings of all strategies. Each takes its own.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// How the scan goes through memory (`source.push`).
    pub push: Push,
    /// `[pre-record]`
    pub pre_record: &'a PreRecordSettings,
    /// `[pdopmp]`
    pub pdopmp: &'a PdopmpSettings,
    /// `[hybrid]`
    pub hybrid: &'a HybridSettings,
    /// Whether memory is sent during the record window (`migration.push_while_recording`, and no
    /// destination that fetches).
    pub push_while_recording: bool,
    /// `[strategy.NAME]` of strategies with parameters of their own.
    pub own: &'a ByStrategy,
    /// `[plan]`
    pub plan: &'a PlanSettings,
    /// Pre-copy's (`migration.downtime_limit`).
    pub downtime_limit: SimTime,
    /// Pre-copy's (`migration.max_rounds`).
    pub max_rounds: u32,
}
