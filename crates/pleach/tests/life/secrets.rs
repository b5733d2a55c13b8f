//! Pre-shared keys and exported secrets.

use crate::common::{assert_in_agreement, client, code, deliver_commit, deliver_proposal, group_of};
use pleach::crypto::Secret;
use pleach::wire::LeafIndex;

#[test]
fn a_psk_enters_for_those_who_hold_it() {
    let clients = ["alice", "bob"].map(client);
    let mut members = group_of(&[&clients[0], &clients[1]]);
    let psk = Secret::copy_from(&[7; 32]);
    assert_eq!(code(members[0].commit().psk(b"code word").build()), "peer-incompatible");
    clients[0].store_psk(b"code word", &psk).unwrap();
    let commit = members[0].commit().psk(b"code word").build().unwrap();
    assert_eq!(code(members[1].receive(commit.message())), "peer-incompatible");
    // With a wrong value, the Commit does not confirm.
    clients[1].store_psk(b"code word", &Secret::copy_from(&[8; 32])).unwrap();
    assert_eq!(code(members[1].receive(commit.message())), "peer-misbehaved");
    clients[1].store_psk(b"code word", &psk).unwrap();
    assert_eq!(clients[1].psks().unwrap(), [b"code word"]);
    let changes = deliver_commit(&mut members, 0, &commit).remove(1);
    assert_eq!(changes.psks.len(), 1);

    // New members need it, too.
    let carol = client("carol");
    let add = members[1].commit().add(carol.key_package().unwrap()).psk(b"code word").build().unwrap();
    deliver_commit(&mut members, 1, &add);
    assert_eq!(code(carol.join(add.welcome().unwrap())), "peer-incompatible");
    carol.store_psk(b"code word", &psk).unwrap();
    members.push(carol.join(add.welcome().unwrap()).unwrap().accept().unwrap());
    carol.delete_psk(b"code word").unwrap();
    assert!(carol.psks().unwrap().is_empty());
    assert_in_agreement(&mut members);
}

#[test]
fn resumption_psks_outlive_their_epoch() {
    let clients = ["alice", "bob"].map(client);
    let mut members = group_of(&[&clients[0], &clients[1]]);
    let id = members[0].id().to_vec();
    for _ in 0..2 {
        let update = members[0].commit().build().unwrap();
        deliver_commit(&mut members, 0, &update);
    }
    let proposal = members[1].propose_resumption_psk(&id, 1).unwrap();
    deliver_proposal(&mut members, 1, &proposal);
    let commit = members[0].commit().resumption_psk(&id, 2).build().unwrap();
    let changes = deliver_commit(&mut members, 0, &commit).remove(0);
    assert_eq!(changes.psks.len(), 2);
    clients[1].delete_resumption_psks(&id).unwrap();
    let commit = members[0].commit().resumption_psk(&id, 2).build().unwrap();
    assert_eq!(code(members[1].receive(commit.message())), "peer-incompatible");
}

#[test]
fn nothing_shown_holds_a_secret() {
    let clients = ["alice", "bob"].map(client);
    let mut members = group_of(&[&clients[0], &clients[1]]);
    let exported = members[0].export(b"label", b"context", 32).unwrap();
    let message = members[0].encrypt(b"plain words").unwrap();
    let received = members[1].receive(&message).unwrap();
    let commit = members[0].commit().build().unwrap();
    let shown = format!("{:?} {received:?} {commit:?} {exported:?} {:?}", members[0], clients[0]);
    assert!(!shown.contains("plain words"));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let list = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    for secret in [&exported, &members[0].epoch_authenticator().unwrap()] {
        assert!(!shown.contains(&hex(&secret.as_bytes()[..8])));
        assert!(!shown.contains(&list(&secret.as_bytes()[..8])));
    }
    let report = members[0].report().unwrap();
    assert_eq!((report.epoch, report.members.len(), report.pending_commits), (1, 2, 1));
    assert_eq!(report.members[1].identity, b"bob");
    assert_eq!(members[0].find_client(b"bob").unwrap().unwrap().index, LeafIndex(1));
}
