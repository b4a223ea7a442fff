//! Passwords on their way in: typed without being shown, or from standard input. Never an argument, which every process of the machine can read.

use std::io::{BufRead, IsTerminal};

use clap::Args;

use crate::auth::check_password;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordArgs {
    /// # Errors
    /// `Invalid` when nothing can be asked, the two entries differ or the password breaks the rule.
    pub fn read(&self) -> Result<String> {
        let password = if self.password_stdin { first_line(&mut std::io::stdin().lock())? } else { ask()? };
        check_password(&password)?;
        Ok(password)
    }
}

fn first_line(input: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    input
        .read_line(&mut line)
        .map_err(|e| Error::invalid(format!("the password cannot be read from standard input: {e}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask() -> Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::invalid(
            "there is no terminal to ask for the password; give it on standard input with --password-stdin",
        ));
    }
    let ask = |prompt| {
        rpassword::prompt_password(prompt)
            .map_err(|e| Error::invalid(format!("the password cannot be read: {e}; use --password-stdin")))
    };
    let password = ask("Password: ")?;
    check_password(&password)?;
    if ask("Again: ")? == password { Ok(password) } else { Err(Error::invalid("the two passwords differ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_its_end() {
        assert_eq!(first_line(&mut " with blanks \r\nrest".as_bytes()).unwrap(), " with blanks ");
        assert_eq!(first_line(&mut "".as_bytes()).unwrap(), "");
        assert!(first_line(&mut [0xff, b'\n'].as_slice()).is_err());
    }
}
