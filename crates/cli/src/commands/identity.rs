//! `init`, `key-package`, `trust`: an identity, how others add it, and whom it believes.

use pleach::storage::StorageError;
use pleach::{Clock as _, KeyPackageOptions, SystemClock};

use super::show::{Delivery, algorithms};
use crate::args::{Global, InitArgs, KeyPackageArgs, TrustArgs};
use crate::auth::Trust;
use crate::backends::Asked;
use crate::exit::{Exit, Failure};
use crate::inspect::time;
use crate::output::{Item, Report};
use crate::session::{Session, store_path};
use crate::store::Store;
use crate::text;

pub(super) fn init(global: &Global, args: &InitArgs) -> Result<Report, Failure> {
    let path = store_path(global)?;
    let store = Store::create(&path, &text::parse(&args.name)?, args.suite, &Asked::read(global)?)?;
    let keys = store.keys()?;
    let own = store.provider.suite(args.suite)?.signature.scheme();
    let key = keys.iter().find(|key| key.signer.scheme() == own).map(|key| key.signer.public().to_vec());
    let key = key.ok_or_else(|| Failure::from(StorageError::Busy))?;
    let list = keys.iter().map(|key| {
        Item::object()
            .with("scheme", Item::text(&key.signer.scheme()))
            .with("public", Item::bytes(key.signer.public()))
    });
    let json = Item::object()
        .with("name", Item::name(&store.name))
        .with("suite", args.suite.0)
        .with("numbering", store.choice.numbering.name())
        .with("signature_keys", Item::list(list));
    Ok(Report::new(json)
        .line(format!("{} lives in {}", text::show(&store.name), path.display()))
        .line(format!("signature key: {}", text::fingerprint(&key))))
}

pub(super) fn key_package(global: &Global, args: &KeyPackageArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    if args.list {
        return list(&session);
    }
    if let Some(reference) = &args.delete {
        let reference =
            hex::decode(reference).map_err(|_| Failure::usage("the reference is not hexadecimal"))?;
        if !session.client.key_packages()?.iter().any(|stored| *stored.reference == *reference) {
            return Err(Failure::not_found("there is no such key package"));
        }
        session.client.withdraw_key_package(&reference)?;
        return Ok(Report::new(Item::object().with("deleted", Item::bytes(&reference))).line("deleted"));
    }
    let out = Delivery::open(args.out.output.as_ref())?;
    let now = SystemClock.now();
    let suite = args.suite.unwrap_or(session.store.suite);
    let mut options = KeyPackageOptions::default()
        .suite(suite)
        .lifetime(now.saturating_sub(3600), now.saturating_add(args.days * 86_400));
    options.last_resort = args.last_resort;
    let message = session.client.key_package_with(options)?;
    let json = Item::object().with("name", Item::name(&session.store.name)).with("suite", suite.0);
    let what =
        format!("key package of {} for suite {}", text::show(&session.store.name), text::suite_number(suite));
    out.main(Report::new(json), &what, &message)
}

fn list(session: &Session) -> Result<Report, Failure> {
    let stored = session.client.key_packages()?;
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for package in &stored {
        let until = package.lifetime.map_or_else(|| "ever".to_owned(), |lifetime| time(lifetime.not_after));
        let last = match (package.last_resort, package.uses) {
            (false, _) => String::new(),
            (true, 0) => ", last resort".to_owned(),
            (true, uses) => format!(", last resort, used for {}", text::count(uses as usize, "group")),
        };
        let imported = if package.imported { ", imported" } else { "" };
        lines.push(format!(
            "{}  {}, suite {}, until {until}{last}{imported}",
            hex::encode(&package.reference),
            package.state,
            text::suite_number(package.suite)
        ));
        lines.push(format!("  made with {}", text::algorithms(&package.algorithms)));
        items.push(
            Item::object()
                .with("reference", Item::bytes(&package.reference))
                .with("state", Item::text(&package.state))
                .with("suite", package.suite.0)
                .with("algorithms", algorithms(&package.algorithms))
                .with("not_after", package.lifetime.map(|lifetime| lifetime.not_after))
                .with("last_resort", package.last_resort)
                .with("uses", u64::from(package.uses))
                .with("imported", package.imported),
        );
    }
    if lines.is_empty() {
        lines.push("no key package waits to be used".to_owned());
    }
    let mut retired = session.client.retired_key_packages()?;
    retired.sort_by_key(|package| package.since);
    let mut gone = Vec::new();
    for package in &retired {
        lines.push(format!("{}  {} {}", hex::encode(&package.reference), package.state, time(package.since)));
        gone.push(
            Item::object()
                .with("reference", Item::bytes(&package.reference))
                .with("state", Item::text(&package.state))
                .with("since", package.since),
        );
    }
    Ok(Report::new(Item::object().with("key_packages", items).with("retired", gone)).more(lines))
}

pub(super) fn trust(global: &Global, args: &TrustArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    if let Some(name) = &args.forget {
        let count = Trust::forget(&session.store, &text::parse(name)?)?;
        if count == 0 {
            return Err(Failure::new(Exit::NotFound, "not-found", format!("{name} is not pinned")));
        }
        let json = Item::object().with("forgotten", name.as_str()).with("keys", count);
        return Ok(Report::new(json).line(format!("forgot {} of {name}", text::count(count, "key"))));
    }
    let mut lines = Vec::new();
    let mut items = Vec::new();
    for (name, key, current) in session.trust.all() {
        let retired = if current { "" } else { "  (replaced)" };
        lines.push(format!("{:<16} {}{retired}", text::show(&name), text::fingerprint(&key)));
        items.push(
            Item::object()
                .with("name", Item::name(&name))
                .with("signature_key", Item::bytes(&key))
                .with("current", current),
        );
    }
    if lines.is_empty() {
        lines.push("nobody is pinned yet".to_owned());
    }
    Ok(Report::new(Item::object().with("pins", items)).more(lines))
}
