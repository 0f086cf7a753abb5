//! What a path stands for, before anything is written there.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::directory_of;

/// Where bytes go.
pub(super) enum Place {
    /// A device, a pipe, or an open descriptor of this process: written to as it is.
    Stream { path: PathBuf, descriptor: bool },
    /// A file, behind all symbolic links, and what there is of it now.
    File {
        path: PathBuf,
        was: Option<Metadata>,
    },
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

impl Place {
    /// Follows symbolic links, also one that leads to nothing yet.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let link = fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
            if !link {
                return Place::behind_links(path);
            }
            if is_descriptor(&path) {
                return Ok(Place::Stream {
                    path,
                    descriptor: true,
                });
            }
            // An absolute target replaces the directory.
            path = directory_of(&path).join(fs::read_link(&path)?);
        }
        Err(io::Error::other("too many symbolic links"))
    }

    fn behind_links(path: PathBuf) -> io::Result<Self> {
        let was = match path.metadata() {
            Ok(was) => Some(was),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        match &was {
            Some(was) if !was.is_file() => {
                if was.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                return Ok(Place::Stream {
                    path,
                    descriptor: false,
                });
            }
            Some(was) => check_writable(&path, was)?,
            None => {}
        }
        // It is made there, or a new one that takes its place.
        check_directory(directory_of(&path))?;
        Ok(Place::File { path, was })
    }
}

/// A rename asks for no permission on the file that it replaces, and root has every permission.
fn check_writable(path: &Path, was: &Metadata) -> io::Result<()> {
    if was.permissions().readonly() {
        let problem = "it is read-only; make it writable or name another file";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    #[cfg(unix)]
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn check_directory(directory: &Path) -> io::Result<()> {
    fs::metadata(directory)?;
    #[cfg(unix)]
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK)?;
    Ok(())
}

/// Whether a link is one of those that stand for the open files of a process.
fn is_descriptor(link: &Path) -> bool {
    directory_of(link)
        .canonicalize()
        .is_ok_and(|directory| directory.starts_with("/proc") || directory.starts_with("/dev/fd"))
}

/// Opens what is written to as it is. A pipe waits for its reader.
pub(super) fn open_stream(path: &Path, descriptor: bool) -> io::Result<File> {
    if descriptor {
        open_descriptor(path)
    } else {
        File::options().write(true).open(path)
    }
}

/// The end of what was written to the descriptor so far: to open it anew would begin at its start.
fn open_descriptor(link: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let own = std::io::stdout();
        let own = own.as_fd().try_clone_to_owned().map(File::from);
        if let (Ok(own), Ok(wanted)) = (own, link.metadata())
            && own.metadata().is_ok_and(|own| is_same(&own, &wanted))
        {
            return Ok(own);
        }
    }
    File::options().append(true).open(link)
}

/// Whether two paths are one file: by link, by another spelling, or by a name that does not exist yet. Writing twice to
/// a device or a pipe is no mistake.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(first), Ok(second)) => first.is_file() && is_same(&first, &second),
        (Err(_), Err(_)) => match (Place::of(one), Place::of(other)) {
            (Ok(Place::File { path: one, .. }), Ok(Place::File { path: other, .. })) => {
                one.file_name() == other.file_name()
                    && directory_of(&one).canonicalize().ok()
                        == directory_of(&other).canonicalize().ok()
            }
            _ => one == other,
        },
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    // The nearest that the standard library tells there.
    one.created().ok() == other.created().ok()
        && one.modified().ok() == other.modified().ok()
        && one.len() == other.len()
}

/// How many names (hard links) a file has.
pub(super) fn names(file: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(file);
    #[cfg(not(unix))]
    {
        let _ = file;
        1
    }
}
