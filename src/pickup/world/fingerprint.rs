//! When two states are one: the same future, whatever happened before.

use super::super::standby::Role;
use super::pagelog::{Logged, Record};
use super::{Node, World};
use crate::id::Lsn;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Collects what a fingerprint is made of: LSNs, which count by their order only, and the rest.
#[derive(Default)]
struct Words {
    lsns: Vec<Lsn>,
    rest: [DefaultHasher; 2],
}

impl Words {
    fn lsn(&mut self, lsn: Lsn) {
        self.lsns.push(lsn);
    }

    fn number(&mut self, n: u64) {
        self.hash(n);
    }

    fn hash<T: Hash>(&mut self, value: T) {
        let [first, second] = &mut self.rest;
        value.hash(first);
        // Bytes in front of every value make the second half another function of the same.
        (0x5bd1_e995_u32, value).hash(second);
    }

    fn finish(self) -> u128 {
        let mut sorted = self.lsns.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let order: Vec<usize> = self.lsns.iter().map(|lsn| sorted.partition_point(|s| s < lsn)).collect();
        // 0 means "none" and must not pass for the lowest LSN.
        let none = sorted.first() == Some(&Lsn::NONE);
        let [first, second] = self.rest.map(|mut h| {
            (none, &order).hash(&mut h);
            u128::from(h.finish())
        });
        first << 64 | second
    }
}

impl Node {
    /// What of it a decision can depend on.
    fn put(&self, words: &mut Words) {
        let own = &self.standby;
        let installed = own.installed.as_ref();
        for lsn in [
            installed.map_or(Lsn::NONE, |i| i.lsn),
            installed.map_or(Lsn::NONE, |i| i.metadata_lsn),
            installed.and_then(|i| i.keystore_lsn).unwrap_or_default(),
            own.keystore.map_or(Lsn::NONE, |k| k.lsn),
            self.served,
            self.stale,
            self.deferred.unwrap_or_default(),
            if self.tries.1 > 0 { self.tries.0 } else { Lsn::NONE },
        ] {
            words.lsn(lsn);
        }
        words.hash((own.role, own.snapshots, own.escaped, self.past_key, self.past_damage));
        words.hash((self.forced, self.tries.1, self.stuck));
        for list in [&self.dropped, &self.parked] {
            words.number(list.len() as u64);
            list.iter().for_each(|lsn| words.lsn(*lsn));
        }
        match &self.attempt {
            Some(attempt) => {
                words.lsn(attempt.lsn);
                words.hash(attempt.stage());
            }
            None => words.number(0),
        }
    }
}

impl World {
    /// Everything a decision or a judgement can depend on, in 128 bits.
    ///
    /// LSNs are only ever compared, so their order stands for them; and of the log only what a node
    /// may still pick up, or a key that something names, can matter. Two worlds with one fingerprint
    /// have the same future.
    pub fn fingerprint(&self) -> u128 {
        let mut words = Words::default();
        let followers = || self.nodes.iter().filter(|n| n.standby.role != Role::Leader);
        let served = followers().map(|n| n.served).min().unwrap_or_default();
        let named: HashSet<Lsn> = self
            .log
            .iter()
            .filter_map(|r| match r.what {
                Logged::Checkpoint { key, .. } if r.lsn >= served => key,
                _ => None,
            })
            .chain(self.key.map(|k| k.lsn))
            .chain(self.rotation.map(|r| r.key.lsn))
            .chain(self.in_flight.and_then(|f| f.key))
            .chain(self.nodes.iter().filter_map(|n| n.standby.keystore.map(|k| k.lsn)))
            .collect();
        let heard = followers().map(|n| n.heard).min().unwrap_or(0);
        let matters = |at: usize, r: &Record| match r.what {
            Logged::Checkpoint { .. } => r.lsn >= served,
            Logged::Key { .. } => r.lsn >= served || at >= heard || named.contains(&r.lsn),
        };
        let kept: Vec<(usize, &Record)> = self.log.iter().enumerate().filter(|(at, r)| matters(*at, r)).collect();
        words.number(kept.len() as u64);
        for (_, record) in &kept {
            words.lsn(record.lsn);
            match record.what {
                Logged::Key { version, page } => words.hash((0, version, page)),
                Logged::Checkpoint { number, metadata_lsn, key, turtle, completion, metadata } => {
                    words.lsn(metadata_lsn);
                    words.lsn(key.unwrap_or_default());
                    words.hash((1, number, turtle, completion, metadata));
                }
            }
        }
        words.hash((self.leader, &self.servers, &self.lanes, self.seals, self.key_version, self.checkpoints));
        words.lsn(self.key.map_or(Lsn::NONE, |k| k.lsn));
        words.lsn(self.rotation.map_or(Lsn::NONE, |r| r.key.lsn));
        words.lsn(self.in_flight.map_or(Lsn::NONE, |f| f.metadata_lsn));
        words.lsn(self.in_flight.and_then(|f| f.key).unwrap_or_default());
        for node in &self.nodes {
            let below = |end: usize| kept.iter().filter(|(at, _)| *at < end).count() as u64;
            words.number(below(node.heard));
            words.number(below(node.seen));
            node.put(&mut words);
        }
        words.finish()
    }
}
