//! `export-store` and `import-store`: an identity, or one of its groups, in a file that a passphrase seals.
//!
//! Invariant: an import that fails leaves no store behind. It is made beside its final name and moved there at the end.

use pleach::crypto::Secret;
use pleach::export::{self, Accept, Content, Imported, Opening, PassphraseCost, Sealing};
use pleach::{SqliteOptions, SqliteStorage};
use std::path::{Path, PathBuf};

use crate::args::{ExportArgs, Global, ImportArgs, PassphraseArg};
use crate::backends::Asked;
use crate::exit::{Exit, Failure};
use crate::io::{self, Output};
use crate::output::{Item, Report};
use crate::session::{Session, store_path};
use crate::store::Store;
use crate::text;

/// The passphrase, from the file or the environment; never asked for, so that a script does not hang.
fn passphrase(arg: &PassphraseArg) -> Result<Secret, Failure> {
    let bytes = match &arg.passphrase {
        Some(path) => {
            let mut bytes = io::read(path)?;
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
            }
            bytes
        }
        None => match std::env::var("PLEACH_PASSPHRASE") {
            Ok(text) => text.into_bytes(),
            Err(_) => {
                return Err(Failure::usage(
                    "which passphrase? Name a file with --passphrase, or set PLEACH_PASSPHRASE",
                ));
            }
        },
    };
    if bytes.is_empty() { Err(Failure::usage("the passphrase is empty")) } else { Ok(Secret::from(bytes)) }
}

pub(super) fn export_store(global: &Global, args: &ExportArgs) -> Result<Report, Failure> {
    let session = Session::open(global)?;
    let passphrase = passphrase(&args.passphrase)?;
    let group = args.group.as_ref().map(|id| text::parse(id)).transpose()?;
    if let Some(id) = &group
        && !session.client.has_group(id)?
    {
        return Err(Failure::not_found(format!("there is no group {}", text::show(id))));
    }
    let out = Output::open(Some(&args.output))?;
    let out = out.ok_or_else(|| Failure::usage("where to? Name a file with --output"))?;
    let PassphraseCost { passes, lanes, .. } = PassphraseCost::default();
    let cost = PassphraseCost::new(args.memory * 1_024, passes, lanes);
    let sealing = Sealing::new(&session.store.provider, &passphrase).cost(cost);
    let storage = session.store.storage.inner();
    let exported = out.fill(|file| match &group {
        None => Ok(export::export_store(storage, &sealing, file)?),
        Some(id) => Ok(export::export_group(storage, session.client.id(), id, &sealing, file)?),
    })?;
    let what = group.as_ref().map_or_else(|| text::show(&session.store.name), |id| text::show(id));
    let path = args.output.display();
    let groups = text::count(usize::try_from(exported.groups).unwrap_or(usize::MAX), "group");
    let json = Item::object()
        .with("name", Item::name(&session.store.name))
        .with("group_id", group.as_deref().map_or(Item::Null, Item::name))
        .with("groups", exported.groups)
        .with("rows", exported.rows);
    Ok(Report::new(json).line(format!("{what} with {groups} is sealed in {path}")))
}

pub(super) fn import_store(global: &Global, args: &ImportArgs) -> Result<Report, Failure> {
    let path = store_path(global)?;
    let passphrase = passphrase(&args.passphrase)?;
    if args.file == Path::new("-") && args.passphrase.passphrase.as_deref() == Some(Path::new("-")) {
        return Err(Failure::usage("standard input cannot be both the file and the passphrase"));
    }
    let (name, imported) = if path.exists() {
        into_store(global, args, &passphrase)?
    } else {
        new_store(global, &path, args, &passphrase)?
    };
    let groups = usize::try_from(imported.groups).unwrap_or(usize::MAX);
    let what = match &imported.content {
        Content::Group { group, .. } => format!("{} is in {}", text::show(group), path.display()),
        _ => format!(
            "{} lives in {}, with {}",
            text::show(&name),
            path.display(),
            text::count(groups, "group")
        ),
    };
    let json = Item::object()
        .with("name", Item::name(&name))
        .with("groups", imported.groups)
        .with("rows", imported.rows)
        .with("made", imported.made);
    let mut report = Report::new(json).line(what);
    if groups > 0 {
        report = report.line("restored groups receive, and send nothing before `external-join --resync`");
    }
    Ok(report)
}

/// Takes a group into the store that there is.
fn into_store(
    global: &Global,
    args: &ImportArgs,
    passphrase: &Secret,
) -> Result<(Vec<u8>, Imported), Failure> {
    let session = Session::open(global)?;
    let opening =
        Opening::new(&session.store.provider, passphrase).accept(Accept::GroupOf(session.client.id()));
    let storage = session.store.storage.inner();
    let imported = export::import(storage, &opening, &mut *io::open(&args.file)?).map_err(|error| match error {
        export::ExportError::Unexpected(what @ "a whole store") => Failure::new(
            Exit::Store,
            "store",
            format!("the export holds {what}, and there is an identity already: name another file with --store"),
        ),
        other => other.into(),
    })?;
    Ok((session.store.name.clone(), imported))
}

/// Makes the store from a whole one.
fn new_store(
    global: &Global,
    path: &Path,
    args: &ImportArgs,
    passphrase: &Secret,
) -> Result<(Vec<u8>, Imported), Failure> {
    let asked = Asked::read(global)?;
    // Which numbering it has is in the store; the AEADs do not depend on it.
    let provider = asked.choose(asked.numbering.unwrap_or_default()).provider();
    let file = &mut *io::open(&args.file)?;
    let fresh = Fresh::new(path)?;
    let storage = SqliteStorage::open_with(&fresh.0, &SqliteOptions::new())?;
    let imported =
        export::import(&storage, &Opening::new(&provider, passphrase).accept(Accept::Store), file)?;
    drop(storage);
    let name = Store::open(&fresh.0, &asked)?.name;
    fresh.finish(path)?;
    Ok((name, imported))
}

/// A store in the making, beside its final name; gone unless it is finished.
struct Fresh(PathBuf);

impl Fresh {
    fn new(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().ok_or_else(|| Failure::usage("the store has no name"))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let fresh = path.with_file_name(hidden);
        if fresh.exists() {
            let message = format!("{} was left behind by a call that was killed", fresh.display());
            return Err(Failure::new(Exit::File, "file", message));
        }
        Ok(Self(fresh))
    }

    fn finish(self, path: &Path) -> Result<(), Failure> {
        let failed =
            |error: std::io::Error| Failure::new(Exit::File, "file", format!("{}: {error}", path.display()));
        // Whoever makes the name first has it; nothing that is there is written over.
        match std::fs::File::create_new(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let message = format!("{}: there is an identity already", path.display());
                return Err(Failure::new(Exit::Store, "store", message));
            }
            Err(error) => return Err(failed(error)),
        }
        if let Err(error) = std::fs::rename(&self.0, path) {
            let _ = std::fs::remove_file(path);
            return Err(failed(error));
        }
        // The name, too, has to outlast a crash. Only Unix can flush a directory.
        #[cfg(unix)]
        std::fs::File::open(
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
        .and_then(|directory| directory.sync_all())
        .map_err(failed)?;
        Ok(())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(end);
            let _ = std::fs::remove_file(name);
        }
    }
}
