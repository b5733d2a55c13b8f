//! Modules of one crate, and which of their items users can name.

use crate::Result;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Item, ItemUse, Type, UseTree, Visibility};

/// Where the text of a file comes from.
pub(super) type Read<'r> = dyn Fn(&Path) -> Result<String> + 'r;

/// A parsed crate.
pub(super) struct Crate {
    root: Module,
}

/// A module with the modules that it declares, in files or inline.
struct Module {
    name: String,
    visibility: Visibility,
    attributes: Vec<syn::Attribute>,
    items: Vec<Item>,
    children: Vec<Module>,
}

impl Crate {
    /// Parses `lib.rs` and every module file that it declares, tests left out.
    pub(super) fn load(lib: &Path) -> Result<Self> {
        let read = |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
        Self::load_with(lib, &read)
    }

    /// As `load`, with the files coming from `read`.
    pub(super) fn load_with(lib: &Path, read: &Read<'_>) -> Result<Self> {
        let mut root = Module::new("crate", Visibility::Inherited, Vec::new(), parse(lib, read)?);
        let dir = lib.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        root.load_children(&dir, read)?;
        Ok(Self { root })
    }

    /// The items that users can name, in the order of their modules.
    pub(super) fn public_items(&self) -> Vec<Item> {
        self.public_of(&self.root, &Wanted::All)
    }

    fn public_of(&self, module: &Module, wanted: &Wanted) -> Vec<Item> {
        let (mut reexports, mut lifted, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        for item in &module.items {
            match item {
                Item::Use(item) if is_public(&item.vis) => {
                    self.follow(module, item, wanted, &mut reexports, &mut lifted);
                }
                Item::Impl(_) | Item::Use(_) | Item::Mod(_) => {}
                item => {
                    if let Some(name) = public_name(item).filter(|name| wanted.has(name)) {
                        names.insert(name);
                        own.push(item.clone());
                    }
                }
            }
        }
        for child in module.children.iter().filter(|c| is_public(&c.visibility) && wanted.has(&c.name)) {
            own.push(child.as_item(&self.public_of(child, &Wanted::All)));
        }
        let impls = self.root.all_items().into_iter().filter(|item| implements(item, &names));
        own.extend(impls.cloned());
        reexports.into_iter().chain(lifted).chain(own).collect()
    }

    /// A `pub use` of our own modules lifts their items; one of another crate is kept as written.
    fn follow(
        &self,
        module: &Module,
        item: &ItemUse,
        wanted: &Wanted,
        kept: &mut Vec<Item>,
        lifted: &mut Vec<Item>,
    ) {
        for path in paths(&item.tree) {
            let (Some(first), Some(last)) = (path.first(), path.last()) else { continue };
            let (start, rest) = match first.as_str() {
                "crate" => (Some(&self.root), path.get(1..)),
                "self" => (Some(module), path.get(1..)),
                name => {
                    (module.children.iter().find(|c| c.name == name).map(|_| module), Some(path.as_slice()))
                }
            };
            let Some(start) = start else {
                if wanted.has(last) && !kept.iter().any(|k| matches!(k, Item::Use(k) if k == item)) {
                    kept.push(Item::Use(item.clone()));
                }
                continue;
            };
            let modules = rest.and_then(<[String]>::split_last).map_or(&[][..], |(_, modules)| modules);
            let target =
                modules.iter().try_fold(start, |at, name| at.children.iter().find(|c| c.name == *name));
            let one = if last == "*" { Wanted::All } else { Wanted::One(last.clone()) };
            if let Some(target) = target.filter(|_| last == "*" || wanted.has(last)) {
                lifted.extend(self.public_of(target, &one));
            }
        }
    }
}

/// Which names of a module are asked for.
enum Wanted {
    All,
    One(String),
}

impl Wanted {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == name || name == "*",
        }
    }
}

impl Module {
    fn new(name: &str, visibility: Visibility, attributes: Vec<syn::Attribute>, items: Vec<Item>) -> Self {
        Self { name: name.into(), visibility, attributes, items, children: Vec::new() }
    }

    fn load_children(&mut self, dir: &Path, read: &Read<'_>) -> Result<()> {
        for item in &self.items {
            let Item::Mod(item) = item else { continue };
            if item.attrs.iter().any(is_cfg_test) {
                continue;
            }
            let name = item.ident.to_string();
            let (visibility, attributes) = (item.vis.clone(), item.attrs.clone());
            let items = match &item.content {
                Some((_, items)) => items.clone(),
                None => {
                    let beside = parse(&dir.join(format!("{name}.rs")), read);
                    beside.or_else(|_| parse(&dir.join(&name).join("mod.rs"), read))?
                }
            };
            let mut child = Self::new(&name, visibility, attributes, items);
            child.load_children(&dir.join(&name), read)?;
            self.children.push(child);
        }
        Ok(())
    }

    fn all_items(&self) -> Vec<&Item> {
        self.items.iter().chain(self.children.iter().flat_map(Self::all_items)).collect()
    }

    fn as_item(&self, items: &[Item]) -> Item {
        let name = syn::Ident::new(&self.name, proc_macro2::Span::call_site());
        let attributes = &self.attributes;
        syn::parse_quote!(#(#attributes)* pub mod #name { #(#items)* })
    }
}

fn parse(path: &Path, read: &Read<'_>) -> Result<Vec<Item>> {
    let file = syn::parse_file(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(file.items)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
}

/// The name of an item that is declared public.
fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(i) => (&i.vis, &i.ident),
        Item::Enum(i) => (&i.vis, &i.ident),
        Item::Fn(i) => (&i.vis, &i.sig.ident),
        Item::Static(i) => (&i.vis, &i.ident),
        Item::Struct(i) => (&i.vis, &i.ident),
        Item::Trait(i) => (&i.vis, &i.ident),
        Item::Type(i) => (&i.vis, &i.ident),
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

/// Whether the item implements something for one of these types.
fn implements(item: &Item, names: &BTreeSet<String>) -> bool {
    let Item::Impl(item) = item else { return false };
    let Type::Path(path) = &*item.self_ty else { return false };
    path.path.segments.last().is_some_and(|segment| names.contains(&segment.ident.to_string()))
}

/// The paths of a use tree; a glob ends in `*`, a renamed item in its old name.
fn paths(tree: &UseTree) -> Vec<Vec<String>> {
    let single = |name: String| vec![vec![name]];
    match tree {
        UseTree::Path(path) => {
            let mut below = paths(&path.tree);
            for rest in &mut below {
                rest.insert(0, path.ident.to_string());
            }
            below
        }
        UseTree::Name(name) => single(name.ident.to_string()),
        UseTree::Rename(name) => single(name.ident.to_string()),
        UseTree::Glob(_) => single("*".into()),
        UseTree::Group(group) => group.items.iter().flat_map(paths).collect(),
    }
}
