//! Every crash point of every act that changes a lake: the process is cut off before, in and after its 1st, 2nd, 3rd … operation on
//! storage or database. `cargo test crash -- --nocapture` prints what came of it.

mod acts;
mod fuse;
mod harness;
mod queued;
mod site;
mod state;
mod storage;
mod upkeep;
