//! Scenarios: everything that a run depends on beside the trace, as TOML with human units.
//!
//! Each section's keys, with their defaults and the reasons for them, are documented at its type. Every key can be set
//! in a file or by name: `link.bandwidth`, `migration.record_window`.

pub mod axis;
mod check;
mod delivery;
mod error;
mod fit;
mod former;
mod identity;
pub mod keys;
mod layer;
mod layers;
mod load;
mod locate;
mod migration_settings;
pub mod profile;
mod quantity;
mod set;
mod sweep_section;
mod trace_settings;
mod trace_source;
mod vm_settings;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use delivery::{Delivery, DeliveryKind};
pub use error::ScenarioError;
pub use fit::FitError;
pub use load::ScenarioSource;
pub use migration_settings::MigrationSettings;
pub(crate) use set::value_of;
pub use sweep_section::WrittenAxis;
pub use trace_settings::TraceSettings;
pub use trace_source::OpenTraceError;
pub use vm_settings::VmSettings;

use crate::host::destination::DestinationSettings;
use crate::host::source::SourceSettings;
use crate::network::LinkSettings;
use crate::strategy;
use crate::strategy::hybrid::HybridSettings;
use crate::strategy::parameters::ByStrategy;
use crate::strategy::pdopmp::PdopmpSettings;
use crate::strategy::plan::PlanSettings;
use crate::strategy::pre_record::PreRecordSettings;

/// A whole scenario. The default is the one that `migsim compare` runs without arguments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// `[trace]`: what the guest does.
    pub trace: TraceSettings,
    /// `[vm]`: the virtual machine.
    pub vm: VmSettings,
    /// `[link]`: the network between the hosts.
    pub link: LinkSettings,
    /// `[source]`: what the migration thread does and how long it takes.
    pub source: SourceSettings,
    /// `[destination]`: what a fault costs beside the network.
    pub destination: DestinationSettings,
    /// `[migration]`: what is compared, the record window, and the end of pre-copy.
    pub migration: MigrationSettings,
    /// `[pre-record]`: the order of the pre-recorded page set.
    #[serde(rename = "pre-record")]
    pub pre_record: PreRecordSettings,
    /// `[hybrid]`: when a live round gives way to post-copy.
    pub hybrid: HybridSettings,
    /// `[pdopmp]`: the assumptions of the reconstruction.
    pub pdopmp: PdopmpSettings,
    /// `[plan]`: a plan from a file, for strategy `plan`.
    pub plan: PlanSettings,
    /// `[strategy.NAME]`: parameters of a strategy from outside of the crate, which defines them.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    pub strategy: ByStrategy,
}

/// Keys that may hold a path, with their sections.
pub(crate) const PATHS: [[&str; 2]; 3] = [["trace", "file"], ["plan", "file"], ["link", "steps"]];

impl Scenario {
    /// What strategies are built from.
    pub fn strategy_settings(&self) -> strategy::Settings<'_> {
        strategy::Settings {
            push: self.source.push,
            pre_record: &self.pre_record,
            pdopmp: &self.pdopmp,
            hybrid: &self.hybrid,
            push_while_recording: self.migration.push_while_recording
                && self.migration.delivery == Delivery::SourcePush,
            plan: &self.plan,
            own: &self.strategy,
            downtime_limit: self.migration.downtime_limit,
            max_rounds: self.migration.max_rounds,
        }
    }
}
