//! The rows of one table, whatever it is made of: one file, or column groups put together.

use crate::format::pack::Format;
use crate::home::content::catalog::{Foreign, Parts, Table};
use crate::home::content::fetch::Why;
use crate::home::content::overlay::Order;
use crate::home::content::rows::{Content, Key, Loss, Outcome, Take};
use crate::home::content::{At, Recovered, walk::Range};
use crate::home::directory::Home;
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, sync_channel};

/// Batches that a column group may be ahead of the first one.
const AHEAD: usize = 2;

/// A table that can be read.
pub struct Source {
    /// Its file; of column groups the first.
    pub lead: Content,
    others: Vec<Content>,
    join: Option<Join>,
}

/// Why a table gives no rows at all.
#[derive(Debug)]
pub enum NoRows {
    Foreign(Foreign),
    /// Its file cannot be opened.
    Io {
        file: String,
        error: io::Error,
    },
    /// Its formats or columns do not go together.
    Columns,
    /// It has no such checkpoint.
    NoCheckpoint,
}

/// How the value of a table is put together.
struct Join {
    value: Format,
    /// Formats of the groups.
    groups: Vec<Format>,
    /// Group and column in it of each column of the value.
    columns: Vec<(usize, usize)>,
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Source {
    /// Open the files of a table.
    pub fn open(home: &Home, recovered: &Recovered, table: &Table) -> Result<Self, NoRows> {
        let files: Vec<String> = match &table.parts {
            Parts::File(file) => vec![file.clone()],
            Parts::Groups(groups) => groups.iter().map(|(file, _)| file.clone()).collect(),
            Parts::Index { file, .. } => vec![file.clone()],
            Parts::Foreign(why) => return Err(NoRows::Foreign(*why)),
        };
        let lacks = |file: &String| recovered.files.get(file).is_some_and(|e| recovered.checkpoint(e).is_none());
        if matches!(recovered.at, At::Named(_)) && files.iter().any(lacks) {
            return Err(NoRows::NoCheckpoint);
        }
        let mut contents = Vec::new();
        for (file, content) in files.iter().zip(recovered.contents(home, &files)) {
            contents.push(content.map_err(|error| NoRows::Io { file: file.clone(), error })?);
        }
        let join = match &table.parts {
            Parts::Groups(groups) => Some(Join::of(table, groups, &contents).ok_or(NoRows::Columns)?),
            _ => None,
        };
        let mut contents = contents.into_iter();
        let lead = contents.next().ok_or(NoRows::Columns)?;
        Ok(Self { lead, others: contents.collect(), join })
    }

    /// Its rows are put together of several files.
    pub fn is_joined(&self) -> bool {
        self.join.is_some()
    }

    /// Every row in the order of its keys; see [`Content::rows`].
    pub fn rows<T: Take>(
        &self,
        row: &(dyn Fn(&mut T, Key<'_>, &[u8]) + Sync),
        done: &mut dyn FnMut(T, Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(join) = &self.join else { return self.lead.rows(row, done) };
        std::thread::scope(|scope| {
            let streams = self.others.iter().map(|content| {
                let (send, receive) = sync_channel::<(Rows, Outcome)>(AHEAD);
                scope.spawn(move || {
                    content.rows::<Rows>(
                        &|rows, key, value| rows.push((ordered(key), value.to_vec())),
                        &mut |rows, o| match send.send((rows, o)) {
                            Ok(()) => ControlFlow::Continue(()),
                            Err(_) => ControlFlow::Break(()),
                        },
                    )
                });
                Stream { receive, rows: Vec::new().into_iter(), next: None, order: content.overlay.order() }
            });
            let mut streams: Vec<Stream> = streams.collect();
            self.lead.rows::<Rows>(
                &|rows, key, value| rows.push((ordered(key), value.to_vec())),
                &mut |rows: Rows, mut outcome| {
                    let mut made = T::default();
                    outcome.rows = 0;
                    for (key, value) in rows {
                        let parts: Option<Vec<Vec<u8>>> =
                            streams.iter_mut().map(|s| s.take(&key, &mut outcome)).collect();
                        let joined = parts.and_then(|parts| join.value(&value, &parts));
                        match joined {
                            Some(value) => {
                                outcome.rows = outcome.rows.saturating_add(1);
                                match self.lead.entry.key_format.as_str() {
                                    "r" => row(&mut made, Key::Record(record(&key)), &value),
                                    _ => row(&mut made, Key::Bytes(&key), &value),
                                }
                            }
                            None => outcome.losses.push(Loss {
                                address: None,
                                range: Range::default(),
                                leaf: true,
                                stated: None,
                                why: Why::ColumnGroup,
                                rows: 1,
                                key: Some(key),
                            }),
                        }
                    }
                    done(made, outcome)
                },
            )
        })
    }
}

/// A key in bytes that are ordered as the file orders it.
fn ordered(key: Key<'_>) -> Vec<u8> {
    match key {
        Key::Bytes(bytes) => bytes.to_vec(),
        Key::Record(record) => record.to_be_bytes().to_vec(),
    }
}

fn record(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The rows of one column group, as they come.
struct Stream {
    receive: Receiver<(Rows, Outcome)>,
    rows: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    next: Option<(Vec<u8>, Vec<u8>)>,
    order: Order,
}

impl Stream {
    /// The value of this key, if the group has it.
    fn take(&mut self, key: &[u8], outcome: &mut Outcome) -> Option<Vec<u8>> {
        loop {
            while self.next.is_none() {
                self.next = self.rows.next();
                if self.next.is_none() {
                    let (rows, mut own) = self.receive.recv().ok()?;
                    outcome.losses.append(&mut own.losses);
                    outcome.mended.append(&mut own.mended);
                    self.rows = rows.into_iter();
                }
            }
            let (own, value) = self.next.take()?;
            if own == key {
                return Some(value);
            }
            if self.order.less(key, &own) {
                self.next = Some((own, value));
                return None;
            }
        }
    }
}

impl Join {
    fn of(table: &Table, groups: &[(String, Vec<String>)], contents: &[Content]) -> Option<Self> {
        let keys = Format::parse(&table.key_format).ok()?.count();
        let columns = table.columns.get(keys..)?.iter().map(|name| {
            groups.iter().enumerate().find_map(|(n, (_, own))| Some((n, own.iter().position(|c| c == name)?)))
        });
        let formats = contents.iter().map(|c| Format::parse(&c.entry.value_format).ok());
        Some(Self {
            value: Format::parse(&table.value_format).ok()?,
            groups: formats.collect::<Option<_>>()?,
            columns: columns.collect::<Option<_>>()?,
        })
    }

    fn value(&self, lead: &[u8], others: &[Vec<u8>]) -> Option<Vec<u8>> {
        let values = std::iter::once(lead).chain(others.iter().map(Vec::as_slice));
        let parts: Vec<Vec<&[u8]>> =
            self.groups.iter().zip(values).map(|(format, value)| format.parts(value).ok()).collect::<Option<_>>()?;
        let columns: Vec<&[u8]> =
            self.columns.iter().map(|(group, n)| parts.get(*group)?.get(*n).copied()).collect::<Option<_>>()?;
        self.value.join(&columns).ok()
    }
}
