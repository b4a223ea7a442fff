//! A view of every access to the database from outside, so that tests can cut a process off at each of them in turn. In production
//! there is none, and an access costs one comparison more.

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;

/// What is about to happen, or has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One statement outside a transaction, or the few of one round; writes take effect with it.
    Statement,
    Begin,
    /// All of a transaction takes effect, or nothing.
    Commit,
}

/// Is asked before each access and told after it. An error from `before` keeps the access from happening; one from `after` hides that it
/// has happened. Statements inside a transaction are not seen: until its commit they change nothing.
pub trait Probe: Debug + Send + Sync {
    fn before(&self, access: Access) -> Result<()>;
    fn after(&self, access: Access) -> Result<()>;
}

pub(super) fn before(probe: &Option<Arc<dyn Probe>>, access: Access) -> Result<()> {
    probe.as_ref().map_or(Ok(()), |probe| probe.before(access))
}

pub(super) fn after(probe: &Option<Arc<dyn Probe>>, access: Access) -> Result<()> {
    probe.as_ref().map_or(Ok(()), |probe| probe.after(access))
}
