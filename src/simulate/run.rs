//! Carries a scenario out step by step.

use super::Simulated;
use super::outcome::{Attempt, Outcome, Published, Remains};
use super::scenario::{Leaves, MAX_ATTEMPTS, MAX_LOG_BYTES, Retry, Scenario, Step, Verb, Wrong};
use super::table::Table;
use crate::format::generation::Generation;
use crate::model::account::Rule;
use crate::model::engine::{Engine, KEY_BYTES};
use crate::model::fault::{Fail, Form};
use crate::model::pagelog::{Log, Traffic};
use crate::scenario::random::Rng;
use crate::store::palite::create::NewStore;

struct Run {
    engine: Engine,
    rng: Rng,
    tables: Vec<Table>,
    last: Published,
    attempts: Vec<Attempt>,
    tried: u64,
}

pub(super) fn run(scenario: &Scenario, rule: Rule) -> Result<Simulated, Wrong> {
    let mut run = Run::new(scenario, rule);
    for (at, step) in scenario.steps.iter().enumerate() {
        match step.verb {
            Verb::Reconcile => run.reconcile(at, step)?,
            Verb::Checkpoint => run.checkpoint(at, step)?,
            Verb::Drop => run.drop_table(at, step),
        }
    }
    Ok(run.finish(scenario.seed, rule))
}

/// The number people know a step by.
fn number(at: usize) -> u64 {
    (at as u64).saturating_add(1)
}

impl Run {
    fn new(scenario: &Scenario, rule: Rule) -> Self {
        let mut rng = Rng::new(scenario.seed);
        let mut engine = Engine::new(Generation::July2026, Log::default());
        let tables = scenario.tables.iter().map(|t| Table::new(t, rule, &mut engine, &mut rng)).collect();
        engine.metadata = engine.metadata.with(None, rule, 0);
        engine.key_lsn = scenario.key_page.then(|| engine.put_key(&rng.value(KEY_BYTES), 0));
        Self { engine, rng, tables, last: Published::default(), attempts: Vec::new(), tried: 0 }
    }

    /// Where a table is in the list; the scenario was checked.
    fn table(&self, step: &Step) -> usize {
        self.tables.iter().position(|t| Some(t.name.as_str()) == step.table.as_deref()).unwrap_or(usize::MAX)
    }

    /// What there is to say of every attempt, from the running totals after it and the traffic and total before.
    fn attempt(&self, at: usize, step: &Step, before: (Traffic, u64), (after, leaked): (u64, i64)) -> Attempt {
        let done = self.engine.log.traffic.since(before.0);
        Attempt {
            step: number(at),
            time: 1,
            verb: step.verb,
            table: step.table.clone(),
            leaves: 0,
            form: None,
            fail: step.fail,
            retry: None,
            full_instead: 0,
            unchanged: 0,
            puts: done.puts,
            bytes_put: done.bytes,
            discards: done.discards,
            bytes_total_before: before.1,
            bytes_total_after: after,
            leaked,
        }
    }

    fn reconcile(&mut self, at: usize, step: &Step) -> Result<(), Wrong> {
        let index = self.table(step);
        let form = step.form.unwrap_or(Form::Full);
        let picked = self.pick(at, step, index)?;
        let rows = usize::try_from(step.rows.unwrap_or(1)).unwrap_or(usize::MAX);
        for time in 1..=step.repeat.unwrap_or(1) {
            let Some(table) = self.tables.get_mut(index) else { return Ok(()) };
            let log = &mut self.engine.log;
            let before = (log.traffic, table.tree.account.total());
            let (mut full_instead, mut unchanged) = (0, 0);
            // From the last to the first: a split makes more leaves behind it.
            for leaf in picked.iter().rev() {
                if form == Form::Split && table.row_count(*leaf) < 2 {
                    let reason = format!("leaf {leaf} of {} has one row left and cannot be split", table.name);
                    return Err(Wrong::step(at, Some("leaves"), reason));
                }
                table.change(*leaf, rows, &mut self.rng);
                let mut tried = table.reconcile(log, *leaf, form, step.fail, number(at));
                full_instead += u64::from(tried.full_instead);
                unchanged += u64::from(tried.unchanged);
                if tried.failed && step.retry == Some(Retry::Now) {
                    tried = table.reconcile(log, *leaf, form, Fail::None, number(at));
                    full_instead += u64::from(tried.full_instead);
                }
                self.tried += 1;
            }
            let after = (table.tree.account.total(), table.tree.leaked());
            self.attempts.push(Attempt {
                time,
                leaves: picked.len() as u64,
                form: Some(form),
                retry: (step.fail != Fail::None).then(|| step.retry.unwrap_or_default()),
                full_instead,
                unchanged,
                ..self.attempt(at, step, before, after)
            });
            self.within_limits(at)?;
        }
        Ok(())
    }

    /// The leaves a step is about, in ascending order.
    fn pick(&mut self, at: usize, step: &Step, index: usize) -> Result<Vec<usize>, Wrong> {
        let Some(table) = self.tables.get(index) else { return Ok(Vec::new()) };
        let there = table.leaf_count();
        let few = |n: u64| {
            let leaves = if there == 1 { "1 leaf".to_string() } else { format!("{there} leaves") };
            let reason = format!("{n}: the table {} has {leaves} at this step", table.name);
            Wrong::step(at, Some("leaves"), reason)
        };
        let inside = |n: u64| usize::try_from(n).ok().filter(|n| *n < there);
        match step.leaves.as_ref().unwrap_or(&Leaves::Some(1)) {
            Leaves::All if there == 0 => Err(few(0)),
            Leaves::All => Ok((0..there).collect()),
            Leaves::These(list) => list.iter().map(|n| inside(*n).ok_or_else(|| few(*n))).collect(),
            Leaves::Some(n) => match inside(n.saturating_sub(1)) {
                Some(last) => Ok(self.rng.pick(last + 1, there)),
                None => Err(few(*n)),
            },
        }
    }

    fn within_limits(&self, at: usize) -> Result<(), Wrong> {
        if self.engine.log.traffic.bytes > MAX_LOG_BYTES {
            let reason = format!("more than {MAX_LOG_BYTES} bytes are put into the page log by this step");
            return Err(Wrong::step(at, None, reason));
        }
        if self.tried > MAX_ATTEMPTS {
            return Err(Wrong::step(at, None, format!("more than {MAX_ATTEMPTS} attempts by this step")));
        }
        Ok(())
    }

    /// Running total of all tables that are there, and what of it is leaked.
    fn totals(&self) -> (u64, i64) {
        let there = || self.tables.iter().filter(|t| !t.dropped).map(|t| &t.tree);
        (there().map(|t| t.account.total()).sum(), there().map(|t| t.leaked()).sum())
    }

    fn checkpoint(&mut self, at: usize, step: &Step) -> Result<(), Wrong> {
        let before = (self.engine.log.traffic, self.totals().0);
        let leaves = self.tables.iter().filter(|t| !t.dropped).map(Table::dirty_count).sum();
        let failing = step.table.as_ref().map(|_| self.table(step));
        let log = &mut self.engine.log;
        let mut done = Vec::new();
        let mut failed = false;
        for (index, table) in self.tables.iter_mut().enumerate().filter(|t| !t.1.dropped) {
            table.flush(log, number(at));
            let fails = failing == Some(index);
            if !table.tree.is_dirty() {
                if fails {
                    let reason = format!("{} has not changed, so this checkpoint writes no root of it", table.name);
                    return Err(Wrong::step(at, Some("fail"), reason));
                }
                continue;
            }
            failed = !table.write_root(log, if fails { step.fail } else { Fail::None }, number(at));
            if failed {
                break;
            }
            done.push(table);
        }
        for table in done {
            if failed { table.undo_root(number(at)) } else { table.enter() }
        }
        if !failed {
            self.tables.iter_mut().for_each(|t| t.published = !t.dropped);
            let trees = self.tables.iter_mut().filter(|t| t.published).map(|t| &mut t.tree);
            self.last = self.engine.publish(trees.collect());
        }
        let attempt = Attempt { leaves, ..self.attempt(at, step, before, self.totals()) };
        self.attempts.push(attempt);
        self.within_limits(at)
    }

    fn drop_table(&mut self, at: usize, step: &Step) {
        let before = (self.engine.log.traffic, self.totals().0);
        let index = self.table(step);
        if let Some(table) = self.tables.get_mut(index) {
            table.dropped = true;
        }
        self.attempts.push(self.attempt(at, step, before, self.totals()));
    }

    fn finish(self, seed: u64, rule: Rule) -> Simulated {
        let Engine { log, completions, .. } = self.engine;
        let last_lsn = log.last_lsn();
        let rows = log.into_rows();
        let (tables, remains): (Vec<_>, Vec<_>) = self.tables.into_iter().map(|t| t.finish(&rows)).unzip();
        let mut remains: Vec<Remains> = remains.into_iter().flatten().collect();
        remains.sort_by_key(|r| r.lsn);
        let outcome = Outcome {
            scenario: String::new(),
            accounting: rule,
            seed,
            attempts: self.attempts,
            checkpoint: self.last,
            leaked: tables.iter().map(|t| t.leaked).sum(),
            leaked_since: tables.iter().map(|t| t.leaked_since).sum(),
            tables,
            remains,
            other: None,
        };
        Simulated { outcome, store: NewStore { rows, completions, last_lsn } }
    }
}
