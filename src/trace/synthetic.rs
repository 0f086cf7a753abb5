//! t
use super::*;
/// w
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Workload {
    /// s
    pub seed: u64,
}
impl Workload {
    /// g
    pub fn generate(&self, _: u64, _: u64) -> Result<Trace, TraceError> {
        unimplemented!()
    }
}
