//! `cargo xtask api`: the facade's public API as text, compared with docs/api/pleach.txt.
//!
//! The sources are parsed with `syn`, so no nightly rustdoc is needed. Written are the public items of the crate's
//! public modules, those that `pub use` lifts out of private modules, the implementations of those types, and the
//! re-exports of other crates as they are written. Bodies, docs and private fields are left out. What macros
//! generate is not seen.

mod resolve;

use crate::Result;
use crate::metadata::root;
use resolve::Crate;
use std::fs;
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Visibility, parse_quote};

const CRATE: &str = "crates/pleach/src/lib.rs";
const SNAPSHOT: &str = "docs/api/pleach.txt";

/// Compares with the snapshot, or writes it.
pub(crate) fn run(bless: bool) -> Result<()> {
    let text = render(&Crate::load(&root().join(CRATE))?);
    let path = root().join(SNAPSHOT);
    if bless {
        let dir = path.parent().unwrap_or(&path);
        fs::create_dir_all(dir)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| format!("{SNAPSHOT}: {e}"))?;
        println!("wrote {SNAPSHOT}");
        return Ok(());
    }
    let old = fs::read_to_string(&path).unwrap_or_default();
    if old == text {
        println!("api: as in {SNAPSHOT}");
        return Ok(());
    }
    Err(format!(
        "the public API changed; if that is meant, run `cargo xtask api --bless`:\n{}",
        difference(&old, &text)
    ))
}

/// Lines that only one of the texts has.
fn difference(old: &str, new: &str) -> String {
    let only = |text: &str, other: &str, sign: &str| {
        let lines = text.lines().filter(|l| !l.trim().is_empty() && !other.lines().any(|o| o == *l));
        lines.map(|l| format!("{sign} {l}\n")).collect::<String>()
    };
    only(old, new, "-") + &only(new, old, "+")
}

fn render(krate: &Crate) -> String {
    let mut file: syn::File = parse_quote!();
    file.items = krate.public_items().into_iter().filter_map(public).collect();
    let text = prettyplease::unparse(&file);
    // Bodies were emptied.
    let lines = text.lines().map(|l| {
        l.strip_suffix(" {}").filter(|l| l.contains("fn ")).map_or(l.to_owned(), |l| format!("{l};"))
    });
    lines.map(|l| l + "\n").collect()
}

/// What of an item is public, without docs and bodies; `None` if nothing is.
fn public(item: Item) -> Option<Item> {
    let item = match item {
        Item::Fn(mut item) => {
            item.attrs = kept(item.attrs);
            *item.block = parse_quote!({});
            Item::Fn(item)
        }
        Item::Struct(mut item) => {
            item.attrs = kept(item.attrs);
            item.fields = public_fields(item.fields);
            Item::Struct(item)
        }
        Item::Enum(mut item) => {
            item.attrs = kept(item.attrs);
            for variant in &mut item.variants {
                variant.attrs = kept(std::mem::take(&mut variant.attrs));
                for field in &mut variant.fields {
                    field.attrs.clear();
                }
            }
            Item::Enum(item)
        }
        Item::Trait(mut item) => {
            item.attrs = kept(item.attrs);
            for member in &mut item.items {
                strip_trait_item(member);
            }
            Item::Trait(item)
        }
        Item::Impl(item) => Item::Impl(public_impl(item)?),
        Item::Mod(mut item) => {
            item.attrs = kept(item.attrs);
            let (brace, items) = item.content?;
            item.content = Some((brace, items.into_iter().filter_map(public).collect()));
            Item::Mod(item)
        }
        Item::Const(mut item) => {
            item.attrs = kept(item.attrs);
            Item::Const(item)
        }
        Item::Static(mut item) => {
            item.attrs = kept(item.attrs);
            Item::Static(item)
        }
        Item::Type(mut item) => {
            item.attrs = kept(item.attrs);
            Item::Type(item)
        }
        Item::Use(mut item) => {
            item.attrs = kept(item.attrs);
            Item::Use(item)
        }
        _ => return None,
    };
    Some(item)
}

/// A trait's implementation keeps its head; an inherent one its public members.
fn public_impl(mut item: syn::ItemImpl) -> Option<syn::ItemImpl> {
    item.attrs = kept(item.attrs);
    if item.trait_.is_some() {
        item.items.retain(|member| matches!(member, ImplItem::Type(_)));
        return Some(item);
    }
    item.items.retain_mut(|member| match member {
        ImplItem::Fn(f) => {
            f.attrs = kept(std::mem::take(&mut f.attrs));
            f.block = parse_quote!({});
            is_public(&f.vis)
        }
        ImplItem::Const(c) => {
            c.attrs = kept(std::mem::take(&mut c.attrs));
            is_public(&c.vis)
        }
        _ => false,
    });
    (!item.items.is_empty()).then_some(item)
}

fn strip_trait_item(member: &mut TraitItem) {
    match member {
        TraitItem::Fn(f) => {
            f.attrs = kept(std::mem::take(&mut f.attrs));
            // That there is a default is part of the API, what it does is not.
            f.default = f.default.take().map(|_| parse_quote!({}));
        }
        TraitItem::Const(c) => c.attrs.clear(),
        TraitItem::Type(t) => t.attrs.clear(),
        _ => {}
    }
}

fn public_fields(fields: Fields) -> Fields {
    match fields {
        Fields::Named(mut named) => {
            named.named = named.named.into_iter().filter(|f| is_public(&f.vis)).collect();
            for field in &mut named.named {
                field.attrs.clear();
            }
            Fields::Named(named)
        }
        Fields::Unnamed(tuple) if tuple.unnamed.iter().all(|f| is_public(&f.vis)) => Fields::Unnamed(tuple),
        Fields::Unnamed(_) => Fields::Named(parse_quote!({})),
        Fields::Unit => Fields::Unit,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The attributes that users can notice.
fn kept(attributes: Vec<Attribute>) -> Vec<Attribute> {
    let known = ["cfg", "derive", "non_exhaustive", "must_use", "deprecated"];
    attributes.into_iter().filter(|a| known.iter().any(|name| a.path().is_ident(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The snapshot test: the committed file is the API.
    #[test]
    fn the_snapshot_is_current() {
        run(false).unwrap();
    }

    fn text(root: &str, modules: &[(&str, &str)]) -> String {
        let read = |path: &Path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let known = modules.iter().find(|(module, _)| *module == name);
            if name == "lib" {
                Ok(root.to_owned())
            } else {
                known.map(|(_, text)| (*text).to_owned()).ok_or_else(String::new)
            }
        };
        render(&Crate::load_with(Path::new("src/lib.rs"), &read).unwrap())
    }

    #[test]
    fn only_what_users_can_name_is_listed() {
        let client = "/// Doc.\n#[derive(Clone)] pub struct Client { key: u8, pub name: String }\n\
             impl Client { /// Doc.\n pub fn new() -> Self { todo!() } fn hidden(&self) {} }\n\
             impl Drop for Client { fn drop(&mut self) {} }\n\
             pub struct Unexported; impl Unexported { pub fn f() {} }\n\
             pub(crate) fn inside() {}";
        let got = text(
            "mod client;\npub use client::Client;\npub use pleach_group::Epoch;\nuse std::fmt;\n",
            &[("client", client)],
        );
        let want = "pub use pleach_group::Epoch;\n\
             #[derive(Clone)]\npub struct Client {\n    pub name: String,\n}\n\
             impl Client {\n    pub fn new() -> Self;\n}\n\
             impl Drop for Client {}\n";
        assert_eq!(got, want);
    }

    #[test]
    fn globs_and_public_modules_are_followed() {
        let inner = "pub enum E { A }\nfn private() {}";
        assert_eq!(text("mod inner;\npub use inner::*;\n", &[("inner", inner)]), "pub enum E {\n    A,\n}\n");
        assert_eq!(
            text("pub mod inner;\n", &[("inner", inner)]),
            "pub mod inner {\n    pub enum E {\n        A,\n    }\n}\n"
        );
        assert_eq!(text("mod inner;\n", &[("inner", inner)]), "");
    }

    #[test]
    fn a_removed_function_shows_as_a_difference() {
        assert_eq!(difference("a\nb\n", "a\nc\n"), "- b\n+ c\n");
    }
}
