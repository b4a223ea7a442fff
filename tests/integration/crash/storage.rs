//! An object store that a fuse watches.

use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::fuse::{Fate, Fuse};

#[derive(Debug, Clone)]
pub struct Watched {
    pub inner: Arc<dyn ObjectStore>,
    /// Where the objects lie as files, if they do: there a process can die with half a file written.
    pub folder: Option<PathBuf>,
    pub fuse: Arc<Fuse>,
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "watched {}", self.inner)
    }
}

fn dead() -> Error {
    Error::Generic { store: "watched", source: "the process has died".into() }
}

impl Watched {
    /// Operations are told apart by their place without what differs from run to run: ids.
    fn meets(&self, verb: &str, location: &str) -> Fate {
        self.fuse.meets(format!("storage: {verb} {}", without_ids(location)))
    }

    /// What the local store leaves when the process dies while it writes: a part of the content under the first free `name#N`.
    fn leave_staged(&self, location: &Path, content: &[u8]) {
        let Some(folder) = &self.folder else { return };
        let place = folder.join(location.as_ref());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let staged = (1..).map(|n| PathBuf::from(format!("{}#{n}", place.display()))).find(|path| !path.exists());
        std::fs::write(staged.unwrap(), &content[..content.len() / 2]).unwrap();
    }

    async fn delete_one(&self, location: Path) -> Result<Path> {
        match self.meets("delete", location.as_ref()) {
            Fate::Whole => self.inner.delete(&location).await.map(|()| location),
            Fate::Nothing => Err(dead()),
            // The file is gone, its empty folders are not.
            Fate::Half => {
                if let Some(folder) = &self.folder {
                    let _ = std::fs::remove_file(FilePath::new(folder).join(location.as_ref()));
                }
                Err(dead())
            }
            Fate::Unheard => {
                self.inner.delete(&location).await?;
                Err(dead())
            }
        }
    }

    fn listed(&self, verb: &str, prefix: Option<&Path>, whole: BoxStream<'static, Result<ObjectMeta>>) -> Listing {
        match self.meets(verb, prefix.map_or("", Path::as_ref)) {
            Fate::Whole => whole,
            Fate::Half => whole.take(1).chain(stream::once(async { Err(dead()) })).boxed(),
            Fate::Nothing | Fate::Unheard => stream::once(async { Err(dead()) }).boxed(),
        }
    }
}

/// A path with `*` for every id.
pub fn without_ids(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
        let id = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let other = rest[id..].find(is_part).map_or(rest.len(), |length| id + length);
        text.push_str(if id >= 32 { "*" } else { &rest[..id] });
        text.push_str(&rest[id..other]);
        rest = &rest[other..];
    }
    text
}

type Listing = BoxStream<'static, Result<ObjectMeta>>;

#[async_trait::async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.meets("put", location.as_ref()) {
            Fate::Whole => self.inner.put_opts(location, payload, options).await,
            Fate::Nothing => Err(dead()),
            Fate::Half => {
                self.leave_staged(location, &Bytes::from(payload));
                Err(dead())
            }
            Fate::Unheard => {
                self.inner.put_opts(location, payload, options).await?;
                Err(dead())
            }
        }
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        // To let it pass would leave operations uncounted.
        panic!("{location}: uploads in parts are not watched yet")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let is_head = options.head;
        match self.meets(if is_head { "head" } else { "get" }, location.as_ref()) {
            Fate::Whole => self.inner.get_opts(location, options).await,
            Fate::Half if !is_head => {
                let found = self.inner.get_opts(location, options).await?;
                let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
                let bytes = found.bytes().await?;
                let body = stream::iter([Ok(bytes.slice(..bytes.len() / 2)), Err(dead())]);
                Ok(GetResult { payload: GetResultPayload::Stream(body.boxed()), meta, range, attributes })
            }
            Fate::Nothing | Fate::Half | Fate::Unheard => Err(dead()),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.meets("get ranges of", location.as_ref()) {
            Fate::Whole => self.inner.get_ranges(location, ranges).await,
            Fate::Nothing | Fate::Half | Fate::Unheard => Err(dead()),
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move { store.delete_one(location?).await }.boxed()
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> Listing {
        self.listed("list", prefix, self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> Listing {
        self.listed("list", prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match self.meets("list", prefix.map_or("", Path::as_ref)) {
            Fate::Whole => self.inner.list_with_delimiter(prefix).await,
            Fate::Nothing | Fate::Half | Fate::Unheard => Err(dead()),
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        match self.meets("copy to", to.as_ref()) {
            Fate::Whole => self.inner.copy_opts(from, to, options).await,
            Fate::Nothing => Err(dead()),
            Fate::Half => {
                let content = self.inner.get(from).await?.bytes().await?;
                self.leave_staged(to, &content);
                Err(dead())
            }
            Fate::Unheard => {
                self.inner.copy_opts(from, to, options).await?;
                Err(dead())
            }
        }
    }
}
