//! Roles, and the one table of what each may do.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// What the holder of a key, or a member, is in a workspace. Earlier ones rank above later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Analyst,
    Reviewer,
    Viewer,
}

/// One thing that can be allowed. Its name is a scope of keys too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See projects, reports, items and jobs.
    Read,
    /// Decide disagreements.
    Review,
    /// Make projects, import, compact, publish, store reports, cancel jobs.
    Import,
    /// Retire snapshots, sweep, schedule.
    Manage,
    /// See and change keys and members.
    Access,
    /// See who did what.
    Audit,
    /// Erase people and items, for good.
    Erase,
}

/// The one table of who may do what.
const GRANTS: [(Permission, &[Role]); 7] = [
    (Permission::Read, &[Role::Owner, Role::Admin, Role::Analyst, Role::Reviewer, Role::Viewer]),
    (Permission::Review, &[Role::Owner, Role::Admin, Role::Analyst, Role::Reviewer]),
    (Permission::Import, &[Role::Owner, Role::Admin, Role::Analyst]),
    (Permission::Manage, &[Role::Owner, Role::Admin]),
    (Permission::Access, &[Role::Owner, Role::Admin]),
    (Permission::Audit, &[Role::Owner, Role::Admin]),
    (Permission::Erase, &[Role::Owner]),
];

impl Role {
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Analyst, Self::Reviewer, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Analyst => "analyst",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
        }
    }

    /// What the table grants it.
    pub fn rights(self) -> Rights {
        let granted = GRANTS.iter().filter(|(_, roles)| roles.contains(&self));
        granted.map(|(permission, _)| *permission).collect()
    }

    pub fn outranks(self, other: Self) -> bool {
        (self as u8) < (other as u8)
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            Error::invalid(format!("{text:?} is not a role; roles are owner, admin, analyst, reviewer, viewer"))
        })
    }
}

impl TryFrom<String> for Role {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl Permission {
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Review, Self::Import, Self::Manage, Self::Access, Self::Audit, Self::Erase];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Review => "review",
            Self::Import => "import",
            Self::Manage => "manage",
            Self::Access => "access",
            Self::Audit => "audit",
            Self::Erase => "erase",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is not a scope; scopes are read, review, import, manage, access, audit, erase"
            ))
        })
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    pub fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    pub fn include(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    pub fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn list(self) -> Vec<Permission> {
        Permission::ALL.into_iter().filter(|permission| self.allow(*permission)).collect()
    }
}

impl FromIterator<Permission> for Rights {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

/// What a key is narrowed to; by default to nothing less than its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(Option<Rights>);

impl Scopes {
    /// # Errors
    /// `Invalid` when there is none, or one that the role does not have: such a key would be less than it says.
    pub fn of(role: Role, scopes: &[Permission]) -> Result<Self> {
        if scopes.is_empty() {
            return Err(Error::invalid(
                "a key needs at least one scope; leave scopes out for all that its role allows",
            ));
        }
        match scopes.iter().find(|scope| !role.rights().allow(**scope)) {
            Some(scope) => Err(Error::invalid(format!(
                "the role {} does not have the scope {}; it has {}",
                role.as_str(),
                scope.as_str(),
                names(role.rights())
            ))),
            None => Ok(Self(Some(scopes.iter().copied().collect()))),
        }
    }

    /// What is left of a role's rights.
    pub fn narrow(self, role: Role) -> Rights {
        self.0.map_or(role.rights(), |scopes| role.rights().both(scopes))
    }

    /// Separated by blanks; empty when nothing is narrowed.
    pub fn text(self) -> String {
        self.0.map(names).unwrap_or_default()
    }
}

fn names(rights: Rights) -> String {
    rights.list().iter().fold(String::new(), |mut text, permission| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{}", if text.is_empty() { "" } else { " " }, permission.as_str());
        text
    })
}

impl TryFrom<String> for Scopes {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.split(' ').map(str::parse).collect::<Result<Rights>>().map(|scopes| Self(Some(scopes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles() {
        let table: Vec<String> = Role::ALL
            .into_iter()
            .map(|role| {
                let mark = |permission| if role.rights().allow(permission) { 'x' } else { '-' };
                format!("{:<8} {}", role.as_str(), Permission::ALL.into_iter().map(mark).collect::<String>())
            })
            .collect();
        assert_eq!(
            table,
            ["owner    xxxxxxx", "admin    xxxxxx-", "analyst  xxx----", "reviewer xx-----", "viewer   x------"]
        );
    }

    #[test]
    fn roles_and_scopes_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            assert!(!role.outranks(role));
        }
        assert!(Role::Owner.outranks(Role::Admin) && !Role::Viewer.outranks(Role::Reviewer));
        assert!("root".parse::<Role>().is_err());
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse::<Permission>().unwrap(), permission);
        }
        let scopes = Scopes::of(Role::Analyst, &[Permission::Import, Permission::Read]).unwrap();
        assert_eq!((scopes.text().as_str(), Scopes::try_from(scopes.text()).unwrap()), ("read import", scopes));
        assert_eq!(Scopes::try_from(String::new()).unwrap(), Scopes::default());
        assert!(Scopes::try_from("read  import".to_owned()).is_err(), "what cannot be read allows nothing");
    }

    #[test]
    fn scopes_only_take_away() {
        let narrowed = Scopes::of(Role::Admin, &[Permission::Audit]).unwrap().narrow(Role::Admin);
        assert_eq!(narrowed.list(), [Permission::Audit]);
        assert!(Role::Admin.rights().include(narrowed) && !narrowed.include(Role::Admin.rights()));
        assert_eq!(Scopes::default().narrow(Role::Viewer), Role::Viewer.rights());
        assert!(Scopes::of(Role::Viewer, &[Permission::Audit]).is_err() && Scopes::of(Role::Owner, &[]).is_err());
        // Whatever the database says, a key has no more than its role.
        assert_eq!(Scopes::try_from("read erase".to_owned()).unwrap().narrow(Role::Viewer), Role::Viewer.rights());
    }
}
