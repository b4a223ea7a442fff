//! Why a file is refused.

use std::fmt;

/// A fault that makes a whole file untrustworthy. Its text names the file, the place, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    pub file: String,
    /// 1-based; none before the first task.
    pub task: Option<u64>,
    /// Offset in the file, from 0.
    pub byte: u64,
    pub problem: String,
    pub remedy: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(task) = self.task {
            write!(f, "task {task}, ")?;
        }
        write!(f, "byte {}: {}; {}", self.byte, self.problem, self.remedy)
    }
}

impl std::error::Error for FormatError {}
