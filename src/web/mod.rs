//! Server-rendered dashboard: pure functions from reports to pages, and the assets they load.

pub mod assets;
mod charts;
mod compare;
pub mod disagreements;
mod figures;
#[cfg(test)]
mod fixtures;
pub mod guide;
mod interval;
pub mod item;
pub mod layout;
pub mod links;
mod matrices;
pub mod overview;
mod palette;
pub mod projects;
mod reading;
mod regions;
mod spans;
mod text;

#[cfg(test)]
mod pages_test;
