//! Application messages: the first of each sender in an epoch, and later ones.

use super::cast::Cast;
use super::{Bench, Cost, Member, Note, depth};
use crate::clock::Clock;
use crate::output::{Temperature, Tree};
use crate::{Group, Result};
use std::time::Duration;

/// So many later messages are one sample, if they are quick.
const MOST: u32 = 50;
/// About so long a sample may take.
const SAMPLE: Duration = Duration::from_millis(300);

/// What is sent, and what it is called.
#[derive(Clone, Copy)]
pub(super) struct Size {
    bytes: usize,
    first: [&'static str; 2],
    later: [&'static str; 2],
}

/// 100 bytes.
pub(super) const SMALL: Size = Size {
    bytes: 100,
    first: ["encrypt_100_first", "decrypt_100_first"],
    later: ["encrypt_100", "decrypt_100"],
};
/// 1 KiB.
pub(super) const LARGE: Size = Size {
    bytes: 1024,
    first: ["encrypt_1k_first", "decrypt_1k_first"],
    later: ["encrypt_1k", "decrypt_1k"],
};

/// Right after a Commit: each of the uniform members sends its first message of the epoch, and one of them receives those of
/// all others. A sample is the mean of all.
pub(super) fn first(bench: &Bench<'_>, cast: &mut Cast, receiver: usize, size: Size) -> Result<()> {
    let text = vec![b'x'; size.bytes];
    let [encrypt, decrypt] = size.first;
    if !bench.wanted(encrypt) && !bench.wanted(decrypt) {
        return Ok(());
    }
    let senders: Vec<_> = cast.uniform.iter().copied().filter(|&sender| sender != receiver).collect();
    let count = u32::try_from(senders.len())?;
    let (mut sent, mut received, mut wire) = (Cost::default(), Cost::default(), 0);
    for sender in senders {
        let (message, cost) = bench.step(encrypt, &mut cast.members[sender], |group| group.encrypt(&text))?;
        sent = sent.and(cost);
        let ((), cost) = bench.step(decrypt, &mut cast.members[receiver], |group| group.receive(&message))?;
        received = received.and(cost);
        wire = message.len();
    }
    let note = Note { wire, levels: depth(bench.plan.n), operations: count, ..Note::default() };
    bench.row((encrypt, Tree::Populated, Temperature::Warm), sent.each(count), note);
    bench.row((decrypt, Tree::Populated, Temperature::Warm), received.each(count), note);
    Ok(())
}

/// One sends many messages, and another receives them in order.
pub(super) fn later(bench: &Bench<'_>, cast: &mut Cast, sides: (usize, usize), size: Size) -> Result<()> {
    let (sender, receiver) = sides;
    let text = vec![b'x'; size.bytes];
    let [encrypt, decrypt] = size.later;
    if !bench.wanted(encrypt) && !bench.wanted(decrypt) {
        return Ok(());
    }
    let clock = Clock::start();
    for _ in 0..2 {
        let message = cast.members[sender].group.send(&text)?;
        cast.members[receiver].group.take(&message)?;
    }
    let pass = Duration::from_nanos(clock.stop().wall_ns / 2);
    let fit = u32::try_from(SAMPLE.as_nanos() / pass.as_nanos().max(1)).unwrap_or(MOST);
    let count = fit.clamp(3, MOST);

    let mut messages = Vec::new();
    let sent = many(bench, encrypt, &mut cast.members[sender], count, |group| {
        messages.push(group.encrypt(&text)?);
        Ok(())
    })?;
    let wire = messages.first().map_or(0, Vec::len);
    let mut messages = messages.iter();
    let received = many(bench, decrypt, &mut cast.members[receiver], count, |group| {
        group.receive(messages.next().ok_or("as many are received as were sent")?)
    })?;
    let note = Note { wire, operations: count, ..Note::default() };
    bench.row((encrypt, Tree::Populated, Temperature::Warm), sent, note);
    bench.row((decrypt, Tree::Populated, Temperature::Warm), received, note);
    Ok(())
}

/// The mean of many in a row, the clock not being read in between; where storing is apart, of as many more without it.
fn many(
    bench: &Bench<'_>,
    name: &'static str,
    member: &mut Member,
    count: u32,
    mut work: impl FnMut(&mut dyn Group) -> Result<()>,
) -> Result<Cost> {
    let Member { party, group, .. } = member;
    let group = &mut **group;
    bench.limit.step(bench.plan.n, name, || {
        let before = party.counts();
        let clock = Clock::start();
        for _ in 0..count {
            work(group)?;
            group.save()?;
        }
        let all = clock.stop();
        let counts = party.counts() - before;
        let mut cost = Cost { work: all, ..Cost::default() };
        if bench.library.saves_apart() {
            let clock = Clock::start();
            for _ in 0..count {
                work(group)?;
            }
            cost.work = clock.stop();
            group.save()?;
            cost.save = all - cost.work;
        }
        Ok(cost.stored(counts).each(count))
    })
}
