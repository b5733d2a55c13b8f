//! A stage for the command: a directory, a process per step, and the rows of its stores.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pleach::storage::{KeyRange, Storage};
use tempfile::TempDir;

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap()
    }
}

/// A directory in which identities live.
pub(crate) struct Stage {
    directory: TempDir,
}

impl Stage {
    /// With these identities.
    pub(crate) fn new(names: &[&str]) -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap() };
        for name in names {
            stage.ok(name, &["init", "--name", name]);
        }
        stage
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.path(file), bytes).unwrap();
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    }

    /// Runs the command for an identity, in the directory.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, name: &str, args: &[A]) -> Done {
        self.run_with(name, args, b"")
    }

    /// The same, with environment variables.
    pub(crate) fn run_env(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Done {
        self.spawn(name, args, b"", env)
    }

    /// The same, with something on standard input.
    pub(crate) fn run_with<A: AsRef<OsStr>>(&self, name: &str, args: &[A], input: &[u8]) -> Done {
        self.spawn(name, args, input, &[])
    }

    fn spawn<A: AsRef<OsStr>>(&self, name: &str, args: &[A], input: &[u8], env: &[(&str, &str)]) -> Done {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pleach"))
            .args(args)
            .env_remove("PLEACH_CRYPTO")
            .env_remove("PLEACH_NUMBERING")
            .env_remove("PLEACH_PASSPHRASE")
            .env("PLEACH_STORE", format!("{name}.db"))
            .envs(env.iter().copied())
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Done { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }

    /// The same, and it must work.
    pub(crate) fn ok(&self, name: &str, args: &[&str]) -> Done {
        let done = self.run(name, args);
        assert_eq!(done.code, 0, "{name}: pleach {}: {}", args.join(" "), done.err);
        done
    }

    /// Must fail: with this code, and one line that says why.
    pub(crate) fn fails(&self, name: &str, args: &[&str], code: i32) -> String {
        let done = self.run(name, args);
        assert_eq!(done.code, code, "{name}: pleach {}: {}", args.join(" "), done.err);
        assert_one_line(&done, &args.join(" "));
        done.err
    }

    /// Must fail with this code, however many lines say why: clap explains the command line.
    pub(crate) fn fails_any(&self, name: &str, args: &[&str], code: i32) {
        let done = self.run(name, args);
        assert_eq!(done.code, code, "{name}: pleach {}: {}", args.join(" "), done.err);
    }

    /// Sends a text from one identity, and the others must read it.
    pub(crate) fn talk(&self, from: &str, to: &[&str], text: &str) {
        self.ok(from, &["send", text, "-o", "talk.mls"]);
        for name in to {
            assert_eq!(self.ok(name, &["receive", "talk.mls"]).text(), text, "{from} to {name}");
        }
    }

    /// What these identities see of their only live group; it must be the same.
    pub(crate) fn agree(&self, names: &[&str]) -> serde_json::Value {
        let seen: Vec<serde_json::Value> = names
            .iter()
            .map(|name| {
                let mut json = self.ok(name, &["members", "--json"]).json();
                for member in json["members"].as_array_mut().unwrap() {
                    member["you"].take();
                }
                json
            })
            .collect();
        assert!(!seen[0]["epoch_authenticator"].as_str().unwrap().is_empty());
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
        seen[0].clone()
    }

    /// All rows of an identity's store: tables, keys and values as they are in the file.
    pub(crate) fn rows(&self, name: &str) -> Vec<String> {
        rows(&self.path(&format!("{name}.db")))
    }

    /// All records of an identity's store, as the library reads them.
    pub(crate) fn records(&self, name: &str) -> Vec<String> {
        let storage = pleach::SqliteStorage::open(self.path(&format!("{name}.db"))).unwrap();
        let storage = pleach::storage::Checked::new(storage);
        let mut all = Vec::new();
        storage
            .scan(&KeyRange::everything(), &mut |row| {
                all.push(format!("{:?} = {:?}", row.key, row.value));
                Ok(())
            })
            .unwrap();
        all
    }
}

/// One clear line.
pub(crate) fn assert_one_line(done: &Done, what: &str) {
    let line = done.err.strip_suffix('\n').unwrap_or_else(|| panic!("{what}: no line: {:?}", done.err));
    assert!(!line.contains('\n'), "{what}: {line}");
    assert!(line.starts_with("pleach: ") && line.len() > 16, "{what}: {line}");
    assert!(!line.contains("panicked") && !line.contains("internal"), "{what}: {line}");
}

/// Row by row; shows the first that differs, in short.
pub(crate) fn assert_same_rows(after: &[String], before: &[String], what: &str) {
    let short = |row: &String| row.chars().take(300).collect::<String>();
    let gone = before.iter().find(|row| !after.contains(row)).map(short);
    let new = after.iter().find(|row| !before.contains(row)).map(short);
    assert_eq!((gone, new), (None, None), "{what}");
    assert_eq!(after.len(), before.len(), "{what}");
}

pub(crate) fn rows(path: &Path) -> Vec<String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(path, flags).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = Vec::new();
    for table in tables {
        let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = select.column_count();
        let mut found = select.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<String> =
                (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap())).collect();
            all.push(format!("{table}: {}", values.join(" | ")));
        }
    }
    all.sort();
    all
}
