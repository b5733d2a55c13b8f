//! `psk`: pre-shared keys from outside, by the names that all members know them by (RFC 9420 §8.4).

use pleach::crypto::Secret;

use crate::args::{Global, PskAction};
use crate::exit::Failure;
use crate::io::read;
use crate::output::{Item, Report};
use crate::session::Session;
use crate::text;

/// The longest secret that is taken; the shortest is 16 bytes, as that is what the weakest suites promise.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=4096;

pub(super) fn psk(global: &Global, action: &PskAction) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    match action {
        PskAction::Add { id, secret } => {
            let name = text::parse(id)?;
            if session.client.psks()?.contains(&name) {
                return Err(Failure::not_now(format!(
                    "there is a pre-shared key {id} already: remove it first"
                )));
            }
            let secret = Secret::from(read(secret)?);
            if !LENGTHS.contains(&secret.len()) {
                let (from, to) = (LENGTHS.start(), LENGTHS.end());
                return Err(Failure::malformed(format!(
                    "a pre-shared key has {from} to {to} bytes, this {}",
                    secret.len()
                )));
            }
            session.client.store_psk(&name, &secret)?;
            let json = Item::object().with("psk_id", Item::name(&name)).with("bytes", secret.len());
            Ok(Report::new(json).line(format!("keeps {id}, {} bytes", secret.len())))
        }
        PskAction::Remove { id } => {
            let name = text::parse(id)?;
            if !session.client.psks()?.contains(&name) {
                return Err(Failure::not_found(format!("there is no pre-shared key {id}")));
            }
            session.client.delete_psk(&name)?;
            Ok(Report::new(Item::object().with("deleted", Item::name(&name))).line(format!("forgot {id}")))
        }
        PskAction::List => {
            let names: Vec<String> = session.client.psks()?.iter().map(|id| text::show(id)).collect();
            let json = Item::object().with("psks", Item::list(names.iter().cloned().map(Item::Text)));
            let none = names.is_empty().then(|| "no pre-shared keys".to_owned());
            Ok(Report::new(json).more(names).more(none))
        }
    }
}
