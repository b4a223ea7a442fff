//! Keys, users, members and sessions.

use assay::error::Error;
use assay::store::{
    Db, MemberChange, NewKey, NewMember, NewRecord, NewUser, Once, PasswordHash, Permission, Request, Role,
    SESSION_ABSOLUTE, SESSION_IDLE, Scopes, new_id,
};

use super::{SECOND, T0, begin_audit, outcome, record};

pub async fn keys(db: &Db, ours: &str, theirs: &str) {
    let new = NewKey {
        workspace_id: ours,
        name: "ci",
        role: Role::Analyst,
        scopes: Scopes::default(),
        expires_at: Some(T0 + 100 * 60 * SECOND),
    };
    let (key, plaintext) = db.create_key(new, T0).await.unwrap();
    assert!(plaintext.starts_with(&format!("{}_", key.prefix)) && plaintext.len() > key.prefix.len() + 32);
    assert_eq!(key.prefix, format!("assay_{}", key.id));
    assert!(!format!("{key:?}").contains(plaintext.rsplit('_').next().unwrap()), "the secret is not kept");
    assert!(db.any_key().await.unwrap());

    let first = db.authenticate(&plaintext, T0 + 1).await.unwrap().unwrap();
    let known = first.key;
    assert!(first.first_in_hour);
    assert_eq!((known.id.as_str(), known.workspace_id.as_str(), known.role), (key.id.as_str(), ours, Role::Analyst));
    let mut forged = plaintext.clone().into_bytes();
    let last = forged.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for bad in [forged.as_str(), "", "assay_x_y", &plaintext[1..], &format!("{plaintext}A")] {
        assert_eq!(db.authenticate(bad, T0 + 1).await.unwrap(), None, "{bad}");
    }

    assert_eq!(db.key(ours, &key.id).await.unwrap().id, key.id);
    assert!(matches!(db.key(theirs, &key.id).await, Err(Error::NotFound { .. })));
    let last_used = async || db.list_keys(ours).await.unwrap()[0].last_used_at;
    assert_eq!(last_used().await, Some(T0 + 1));
    db.authenticate(&plaintext, T0 + 30 * SECOND).await.unwrap().unwrap();
    assert_eq!(last_used().await, Some(T0 + 1), "at most once a minute");
    assert!(!db.authenticate(&plaintext, T0 + 61 * SECOND).await.unwrap().unwrap().first_in_hour);
    assert_eq!(last_used().await, Some(T0 + 61 * SECOND));

    // Of eight uses at once in the next hour one is its first.
    let next = T0 + 3600 * SECOND;
    let at_once: Vec<_> = (0..8)
        .map(|_| {
            let (db, plaintext) = (db.clone(), plaintext.clone());
            tokio::spawn(async move { db.authenticate(&plaintext, next).await.unwrap().unwrap().first_in_hour })
        })
        .collect();
    let mut firsts = 0;
    for one in at_once {
        firsts += usize::from(one.await.unwrap());
    }
    assert_eq!(firsts, 1);
    assert_eq!(db.authenticate(&plaintext, T0 + 100 * 60 * SECOND).await.unwrap(), None, "expired");
    assert!(matches!(db.revoke_key(theirs, &key.id, T0 + 2).await, Err(Error::NotFound { .. })));
    db.revoke_key(ours, &key.id, T0 + 2).await.unwrap();
    db.revoke_key(ours, &key.id, T0 + 3).await.unwrap();
    assert_eq!(db.list_keys(ours).await.unwrap()[0].revoked_at, Some(T0 + 2));
    assert_eq!(db.authenticate(&plaintext, T0 + 70 * SECOND).await.unwrap(), None, "revoked");
    assert!(db.any_key().await.unwrap(), "a revoked key still closes the server");
    assert!(db.list_keys(theirs).await.unwrap().is_empty());
    assert!(db.create_key(NewKey { name: " ", ..new }, T0).await.is_err());
}

pub async fn scopes(db: &Db, ours: &str) {
    let scopes = Scopes::of(Role::Admin, &[Permission::Read, Permission::Audit]).unwrap();
    let new = NewKey { workspace_id: ours, name: "auditor", role: Role::Admin, scopes, expires_at: None };
    let (key, plaintext) = db.create_key(new, T0 + 7).await.unwrap();
    let used = db.authenticate(&plaintext, T0 + 8).await.unwrap().unwrap().key;
    assert_eq!((used.scopes, used.rights().list()), (scopes, vec![Permission::Read, Permission::Audit]));

    // Pages by time and id: keys of the same moment are neither lost nor shown twice.
    for _ in 0..4 {
        db.create_key(new, T0 + 7).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before: Option<(i64, String)> = None;
    loop {
        let page = db.page_keys(ours, before.as_ref().map(|(time, id)| (*time, id.as_str())), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.created_at, last.id.clone()));
        seen.extend(page.into_iter().map(|key| key.id));
    }
    let all = db.list_keys(ours).await.unwrap();
    assert_eq!((seen.len(), seen.contains(&key.id)), (all.len(), true));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all.len());
    assert!(db.create_key(NewKey { expires_at: Some(T0), ..new }, T0).await.is_err(), "over before it begins");
}

fn someone(now: i64) -> NewUser {
    NewUser::new(&format!("Ada-{}@Example.com", new_id()), "Ada", now).unwrap()
}

pub async fn users_and_sessions(db: &Db) {
    let new = NewUser { password_hash: PasswordHash("$argon2id$one".into()), ..someone(T0) };
    let user = db.create_user(&new).await.unwrap();
    assert!(db.any_user().await.unwrap());
    assert!(user.email.starts_with("ada-"), "kept in lower case: {}", user.email);
    let again = NewUser { id: new_id(), ..new.clone() };
    assert!(matches!(db.create_user(&again).await, Err(Error::Conflict(_))));
    assert_eq!(db.find_user(&user.email.to_uppercase()).await.unwrap(), user);
    assert!(matches!(db.find_user("nobody@example.com").await, Err(Error::NotFound { .. })));
    assert_eq!(db.user_by_email("not an address").await.unwrap(), None);
    assert!(db.list_users().await.unwrap().contains(&user));

    let open = async |earlier: Option<&str>, now| db.open_session(&user.id, earlier, now).await.unwrap();
    let lives = async |id: &str, now| db.session(id, now).await.unwrap().is_some();
    let first = open(None, T0).await;
    assert_eq!(db.session(&first, T0 + 1).await.unwrap().unwrap().user_id, user.id);
    assert!(!lives(&first[1..], T0 + 1).await && !lives(&"x".repeat(first.len()), T0 + 1).await);
    assert!(!lives(&first, T0 + SESSION_IDLE).await, "idle for too long");

    // Used every ten hours it lives on, but not for ever.
    let mut now = T0;
    while now + 10 * 3600 * SECOND < T0 + SESSION_ABSOLUTE {
        now += 10 * 3600 * SECOND;
        assert!(lives(&first, now).await, "{}", (now - T0) / SECOND);
    }
    assert!(!lives(&first, T0 + SESSION_ABSOLUTE).await);

    // A login ends the session that the browser had; others stay until the password changes.
    let (old, other) = (open(None, now).await, open(None, now).await);
    let new_one = open(Some(&old), now).await;
    assert!(!lives(&old, now).await && lives(&other, now).await && lives(&new_one, now).await);
    db.close_session(&new_one, now).await.unwrap();
    assert!(!lives(&new_one, now).await && lives(&other, now).await);
    db.set_password(&user.id, &PasswordHash("$argon2id$two".into()), now).await.unwrap();
    assert!(!lives(&other, now).await);
    assert_eq!(db.find_user(&user.email).await.unwrap().password_hash.0, "$argon2id$two");

    let last = open(None, now).await;
    db.disable_user(&user.id, now).await.unwrap();
    assert!(!lives(&last, now).await && db.find_user(&user.email).await.unwrap().disabled_at == Some(now));
    db.enable_user(&user.id).await.unwrap();
    assert!(!lives(&last, now).await, "a session of before stays over");
    assert!(lives(&open(None, now).await, now).await);
}

pub async fn members(db: &Db, ours: &str, theirs: &str) {
    let member = |workspace_id, user, role| NewMember { workspace_id, user, role };
    let ada = someone(T0);
    let row = begin_audit(db, ours, "member.add").await;
    let kept = NewRecord { method_path: "POST /v1/members".into(), ..record(&new_id(), "h") };
    let request = Request { idempotency: Some(&kept), audit_id: Some(&row) };
    let new = member(ours, ada.clone(), Role::Owner);
    let Once::Done(added) = db.add_member(&new, &request).await.unwrap() else { panic!("added") };
    assert_eq!((added.user_id.as_str(), added.role, added.created_at), (ada.id.as_str(), Role::Owner, T0));
    assert_eq!(outcome(db, ours, &row).await.as_deref(), Some("done"));
    assert!(matches!(db.add_member(&new, &request).await.unwrap(), Once::Replay(_)));
    assert!(matches!(db.add_member(&new, &Request::default()).await, Err(Error::Conflict(_))));
    // Somebody else's id for this address: whoever lost the race looks again.
    let impostor = NewUser { id: new_id(), ..ada.clone() };
    let lost = db.add_member(&member(theirs, impostor, Role::Viewer), &Request::default()).await;
    assert!(matches!(lost, Err(Error::Conflict(_))));
    assert!(db.find_user(&ada.email).await.unwrap().password_hash.0.is_empty(), "made without a password");

    let bob = someone(T0);
    for workspace in [ours, theirs] {
        let role = if workspace == ours { Role::Viewer } else { Role::Admin };
        db.add_member(&member(workspace, bob.clone(), role), &Request::default()).await.unwrap();
    }
    let places = db.memberships(&bob.id).await.unwrap();
    assert_eq!(places.len(), 2);
    assert!(places.iter().all(|one| one.role == if one.workspace_id == ours { Role::Viewer } else { Role::Admin }));
    assert!(matches!(db.member(theirs, &ada.id).await, Err(Error::NotFound { .. })));
    let first = db.list_members(ours, None, 1).await.unwrap();
    let rest = db.list_members(ours, Some(&first[0].email), 9).await.unwrap();
    assert_eq!((first.len(), rest.len()), (1, 1));

    // The last owner stays one, until there is another who can log in.
    let role_of = async |id: &str| db.member(ours, id).await.unwrap().role;
    assert_eq!(db.change_member(ours, &ada.id, Role::Admin).await.unwrap(), MemberChange::LastOwner);
    assert_eq!(db.remove_member(ours, &ada.id).await.unwrap(), MemberChange::LastOwner);
    db.change_member(ours, &bob.id, Role::Owner).await.unwrap();
    db.disable_user(&bob.id, T0).await.unwrap();
    assert_eq!(db.remove_member(ours, &ada.id).await.unwrap(), MemberChange::LastOwner);
    db.enable_user(&bob.id).await.unwrap();
    let MemberChange::Done(before) = db.change_member(ours, &ada.id, Role::Viewer).await.unwrap() else { panic!() };
    assert_eq!((before.role, role_of(&ada.id).await), (Role::Owner, Role::Viewer));
    assert!(matches!(db.change_member(theirs, &ada.id, Role::Viewer).await, Err(Error::NotFound { .. })));
    assert!(matches!(db.remove_member(theirs, &ada.id).await, Err(Error::NotFound { .. })));
    db.remove_member(ours, &ada.id).await.unwrap();
    assert!(matches!(db.member(ours, &ada.id).await, Err(Error::NotFound { .. })));
    assert_eq!(db.find_user(&ada.email).await.unwrap().id, ada.id, "the user stays");
    assert!(db.memberships(&ada.id).await.unwrap().is_empty());
}

/// Two owners that remove each other at the same moment: one stays.
pub async fn two_owners(db: &Db) {
    for _ in 0..10 {
        let workspace = db.create_workspace(&new_id(), "Duel", T0).await.unwrap().id;
        assert!(matches!(db.create_workspace(&workspace, "Again", T0).await, Err(Error::Conflict(_))));
        let owners = [someone(T0), someone(T0)];
        for user in owners.clone() {
            let new = NewMember { workspace_id: &workspace, user, role: Role::Owner };
            db.add_member(&new, &Request::default()).await.unwrap();
        }
        let removals = owners.map(|user| {
            let (db, workspace) = (db.clone(), workspace.clone());
            tokio::spawn(async move { db.remove_member(&workspace, &user.id).await.unwrap() })
        });
        let mut refused = 0;
        for removal in removals {
            refused += usize::from(removal.await.unwrap() == MemberChange::LastOwner);
        }
        assert_eq!((refused, db.list_members(&workspace, None, 9).await.unwrap().len()), (1, 1));
    }
}
