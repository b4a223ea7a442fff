//! Delimited text: a header and one rating per record.

use std::fs::File;
use std::path::Path;

use super::codes::Coder;
use super::columns::{Chosen, choose};
use super::records::Records;
use super::table::{Columns, check_rows};
use super::{Request, fault, fault_at};
use crate::error::Result;

/// An empty field is no value; "NaN" is what tools write for one.
fn is_missing(field: &[u8]) -> bool {
    field.is_empty() || field == b"NaN" || field == b"nan"
}

pub fn read(path: &Path, file: File, delimiter: u8, request: &Request) -> Result<Columns> {
    let mut records = Records::new(file, delimiter);
    let header = header(path, &mut records)?;
    let chosen = choose(path, &header, request)?;
    let names = chosen.all();
    let places: Vec<usize> = names.iter().filter_map(|name| header.iter().position(|column| column == name)).collect();
    let mut coders: Vec<Coder> = names.iter().map(|_| Coder::with_capacity(0)).collect();
    let mut rows = 0;
    while records.advance().map_err(|bad| fault(path, bad))? {
        if records.len() != header.len() {
            if records.len() == 1 && records.field(0).is_empty() {
                continue;
            }
            return Err(fault(
                path,
                format_args!(
                    "line {} (row {}) has {}, but the header has {} columns; a field that contains the delimiter needs quotes",
                    records.line(),
                    rows + 1,
                    fields(records.len()),
                    header.len()
                ),
            ));
        }
        rows += 1;
        check_rows(path, rows)?;
        for (slot, (coder, &place)) in coders.iter_mut().zip(&places).enumerate() {
            let field = records.field(place);
            let missing = if slot < Chosen::BY { is_missing(field) } else { field.is_empty() };
            if missing {
                coder.missing();
            } else {
                coder.field(field).map_err(|bad| fault_at(path, rows, names[slot], bad))?;
            }
        }
    }
    drop(names);
    Ok(Columns { chosen, coders, rows })
}

fn fields(n: usize) -> String {
    if n == 1 { "1 field".to_owned() } else { format!("{n} fields") }
}

fn header(path: &Path, records: &mut Records<File>) -> Result<Vec<String>> {
    loop {
        if !records.advance().map_err(|bad| fault(path, bad))? {
            return Err(fault(path, "the file is empty; a header was expected"));
        }
        if records.len() > 1 || !records.field(0).is_empty() {
            break;
        }
    }
    let mut names = Vec::new();
    for place in 0..records.len() {
        let field = records.field(place);
        let field = if place == 0 { field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field) } else { field };
        // A quoted first name after a byte order mark keeps its quotes.
        let name = std::str::from_utf8(field).map_err(|_| {
            fault(path, format_args!("the name of column {} is not UTF-8; save the file as UTF-8", place + 1))
        })?;
        names.push(if place == 0 { name.trim_matches('"').to_owned() } else { name.to_owned() });
    }
    Ok(names)
}
