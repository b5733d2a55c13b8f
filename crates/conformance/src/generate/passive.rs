//! Groups played through the facade, and recorded as a new member sees them: for the passive-client files.

use super::{Seeded, trees::key_package};
use crate::fault::{At, Bytes, Checked};
use crate::files::passive_client::{Case, Epoch, ExternalPsk, NOW, config};
use pleach::{Client, Group, LeafUpdate, ManualClock, MemoryStorage, Received, TreeDelivery};
use pleach_crypto::{Secret, Serial};
use pleach_testkit::auth::TrustEveryone;
use pleach_testkit::members::Member;
use pleach_wire::{Kept, KeyPackage, MlsMessage, encode};

const PSK_ID: &[u8] = b"a shared secret";

/// How the passive client is added.
#[derive(Clone, Copy)]
pub(super) struct Joining {
    psk: bool,
    tree: TreeDelivery,
}

pub(super) const PLAIN: Joining = Joining { psk: false, tree: TreeDelivery::Inline };
pub(super) const WITH_PSK: Joining = Joining { psk: true, tree: TreeDelivery::Inline };

/// A group of clients that are all here, and the recording of what the passive client, who is not, would receive.
pub(super) struct Play<'a> {
    seeded: &'a Seeded<'static>,
    psk: Secret,
    /// How many clients there have been.
    clients: usize,
    /// The groups of those that are members; the creator's first.
    pub(super) groups: Vec<Group>,
    pub(super) case: Case,
    /// The proposals of the epoch so far.
    proposals: Vec<Bytes>,
}

impl<'a> Play<'a> {
    /// A group of three that adds the passive client.
    fn new(seeded: &'a Seeded<'static>, joining: Joining) -> Checked<Self> {
        let (suite, random) = (seeded.suite, &*seeded.provider.random);
        let (joiner, [init_private, leaf_private, signature_private]) = key_package(suite, random)?;
        let joiner = message(joiner)?;
        let psk = random.secret(suite.secret_len()).at("psk")?;
        let external_psk = ExternalPsk { psk_id: PSK_ID.into(), psk: psk.as_bytes().into() };
        let case = Case {
            cipher_suite: suite.id.0,
            external_psks: vec![external_psk],
            key_package: joiner.clone().into(),
            signature_priv: signature_private.as_bytes().into(),
            encryption_priv: leaf_private.as_bytes().into(),
            init_priv: init_private.as_bytes().into(),
            welcome: Bytes::default(),
            ratchet_tree: None,
            initial_epoch_authenticator: Bytes::default(),
            epochs: Vec::new(),
        };
        let mut play = Self { seeded, psk, clients: 0, groups: Vec::new(), case, proposals: Vec::new() };
        let creator = play.client()?;
        play.groups.push(creator.create_group(b"a group of the vectors").at("create")?);
        play.add()?;
        play.add()?;

        let creator = play.groups.first_mut().at("group")?;
        let mut commit = creator.commit().add(&joiner).tree(joining.tree);
        if joining.psk {
            commit = commit.psk(PSK_ID);
        }
        let commit = commit.build().at("commit")?;
        play.case.welcome = commit.welcome().at("welcome")?.into();
        play.deliver(0, commit.message())?;
        play.case.epochs.clear();
        let creator = play.groups.first_mut().at("group")?;
        play.case.initial_epoch_authenticator = creator.epoch_authenticator().at("epoch")?.as_bytes().into();
        if joining.tree == TreeDelivery::OutOfBand {
            play.case.ratchet_tree = Some(creator.ratchet_tree().at("tree")?.into());
        }
        Ok(play)
    }

    /// A new client, who knows the PSK.
    fn client(&mut self) -> Checked<Client> {
        let Seeded { suite, provider, .. } = self.seeded;
        let name = format!("client {}", self.clients);
        self.clients += 1;
        let member = Member::new(suite, name.as_bytes(), &*provider.random);
        let client = Client::builder(provider.clone(), MemoryStorage::new())
            .suite(suite.id)
            .basic(name, member.signer)
            .auth(TrustEveryone)
            .clock(ManualClock::new(NOW))
            .executor(Serial)
            .config(config())
            .build()
            .at("client")?;
        client.store_psk(PSK_ID, &self.psk).at("psk")?;
        Ok(client)
    }

    /// Adds a client that stays here.
    fn add(&mut self) -> Checked {
        let client = self.client()?;
        let key_package = client.key_package().at("key_package")?;
        let commit = self.groups.first_mut().at("group")?.commit().add(key_package).build().at("add")?;
        self.deliver(0, commit.message())?;
        let group = client.join(commit.welcome().at("add")?).at("join")?.accept().at("join")?;
        self.groups.push(group);
        Ok(())
    }

    /// Somebody's Commit, received and merged by all, and recorded with the proposals of the epoch.
    fn deliver(&mut self, committer: usize, commit: &[u8]) -> Checked {
        self.everybody(commit)?;
        let authenticator = self.groups.get(committer).at("group")?.epoch_authenticator().at("epoch")?;
        self.case.epochs.push(Epoch {
            proposals: std::mem::take(&mut self.proposals),
            commit: commit.into(),
            epoch_authenticator: authenticator.as_bytes().into(),
        });
        Ok(())
    }

    /// Somebody's proposal, received by all and recorded.
    fn propose(&mut self, proposal: Vec<u8>) -> Checked {
        self.everybody(&proposal)?;
        self.proposals.push(Bytes(proposal));
        Ok(())
    }

    /// Gives a message to all members that are here; whom it removes is no longer.
    fn everybody(&mut self, message: &[u8]) -> Checked {
        for mut group in std::mem::take(&mut self.groups) {
            match group.receive(message).at("receive")? {
                Received::Commit(staged) => group.merge(staged).map(drop).at("merge")?,
                Received::OwnCommit(own) => group.merge(own).map(drop).at("merge")?,
                Received::Removed(_) => continue,
                _ => {}
            }
            self.groups.push(group);
        }
        Ok(())
    }

    /// An empty Commit of a member, for fresh keys.
    fn refresh(&mut self, committer: usize) -> Checked {
        let commit =
            self.groups.get_mut(committer).at("group")?.commit().force_path().build().at("commit")?;
        self.deliver(committer, commit.message())
    }

    /// Another client's key package.
    fn stranger(&mut self) -> Checked<Vec<u8>> {
        self.client()?.key_package().at("key_package")
    }

    /// Proposals of a member that another one commits.
    fn by_reference(&mut self) -> Checked {
        let stranger = self.stranger()?;
        let proposer = self.groups.get_mut(1).at("group")?;
        let add = proposer.propose_add(&stranger).at("propose")?;
        let update = proposer.propose_update(&LeafUpdate::new()).at("propose")?;
        let psk = proposer.propose_psk(PSK_ID).at("propose")?;
        for proposal in [add, update, psk] {
            self.propose(proposal)?;
        }
        let commit = self.groups.first_mut().at("group")?.commit().build().at("commit")?;
        self.deliver(0, commit.message())
    }

    /// A Commit with an Add, a Remove and a PSK in it. It may not be of the third member, who is removed.
    fn by_value(&mut self, committer: usize) -> Checked {
        let stranger = self.stranger()?;
        let removed = self.groups.get(2).at("group")?.own_index();
        let commit = self.groups.get_mut(committer).at("group")?.commit();
        let commit = commit.add(stranger).remove(removed).psk(PSK_ID).build().at("commit")?;
        self.deliver(committer, commit.message())
    }
}

/// The four ways to be added; one is enough for suites whose keys are large.
pub(super) fn welcome(seeded: &Seeded<'static>) -> Checked<Vec<Case>> {
    let ways = [
        PLAIN,
        WITH_PSK,
        Joining { psk: false, tree: TreeDelivery::OutOfBand },
        Joining { psk: true, tree: TreeDelivery::OutOfBand },
    ];
    let ways = if seeded.is_post_quantum { &ways[1..2] } else { &ways[..] };
    ways.iter().map(|way| Ok(joined(seeded, *way)?.0)).collect()
}

/// Fresh keys, and then proposals by value or by reference.
pub(super) fn handling_commit(seeded: &Seeded<'static>) -> Checked<Vec<Case>> {
    let mut by_value = Play::new(seeded, PLAIN)?;
    by_value.refresh(1)?;
    by_value.by_value(1)?;
    let mut by_reference = Play::new(seeded, PLAIN)?;
    by_reference.refresh(0)?;
    by_reference.by_reference()?;
    Ok(vec![by_value.case, by_reference.case])
}

/// A few epochs in which everything happens in turn.
pub(super) fn random(seeded: &Seeded<'static>) -> Checked<Case> {
    let mut play = Play::new(seeded, PLAIN)?;
    play.refresh(2)?;
    play.by_reference()?;
    play.by_value(1)?;
    play.refresh(1)?;
    play.add()?;
    play.by_reference()?;
    play.refresh(2)?;
    Ok(play.case)
}

/// The passive client just added, and the group of the creator, who added it.
pub(super) fn joined(seeded: &Seeded<'static>, joining: Joining) -> Checked<(Case, Group)> {
    let Play { mut case, groups, .. } = Play::new(seeded, joining)?;
    if !joining.psk {
        case.external_psks.clear();
    }
    Ok((case, groups.into_iter().next().at("group")?))
}

fn message(key_package: Kept<KeyPackage>) -> Checked<Vec<u8>> {
    encode(&MlsMessage::from(key_package)).at("key_package")
}
