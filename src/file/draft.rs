//! A file that is being written, and how it gets its name.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::signals::{self, Temporary};

/// Bytes on their way to a file. Dropped before it has its name, nothing of it stays.
pub(super) enum Draft {
    /// Linux's `O_TMPFILE`: whatever ends the process, nothing is left.
    #[cfg(target_os = "linux")]
    Nameless(File),
    /// Elsewhere, and on file systems that cannot do that (NFS, Lustre).
    Named {
        file: NamedTempFile,
        temporary: Temporary,
    },
}

impl Draft {
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = nameless(directory) {
            return Ok(Draft::Nameless(file));
        }
        Draft::named(directory)
    }

    fn named(directory: &Path) -> io::Result<Self> {
        let mut names = signals::names();
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any other new file; the umask still applies.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(directory)?;
        let temporary = names.add(file.path());
        Ok(Draft::Named { file, temporary })
    }

    pub(super) fn file_mut(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Draft::Nameless(file) => file,
            Draft::Named { file, .. } => file.as_file_mut(),
        }
    }

    /// Takes over the owner and the mode of the file that it replaces.
    pub(super) fn take_after(&mut self, was: &Metadata) -> io::Result<()> {
        let file = self.file_mut();
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            // Only root can give a file away.
            let _ = std::os::unix::fs::fchown(&*file, Some(was.uid()), Some(was.gid()));
        }
        file.set_permissions(was.permissions())
    }

    /// Makes it the file at `path`, in the directory that it was begun in.
    pub(super) fn give_name(self, path: &Path) -> io::Result<()> {
        // No signal ends the process between two names.
        let names = signals::names();
        match self {
            #[cfg(target_os = "linux")]
            Draft::Nameless(file) => link(&file, path),
            Draft::Named { file, temporary } => {
                let named = file.persist(path).map_err(|error| error.error);
                drop(names);
                drop(temporary);
                named.map(|_| ())
            }
        }
    }
}

/// A file without a name, if this file system and kernel have that, and a way to name it later.
#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file: File = open(directory, flags, Mode::from_raw_mode(0o666))
        .ok()?
        .into();
    descriptor(&file).exists().then_some(file)
}

/// The name by which /proc knows an open file.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    Path::new("/proc/self/fd").join(file.as_raw_fd().to_string())
}

/// Names an open file. A link cannot replace a file: then it gets a name beside it first, which a rename moves.
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    let from = descriptor(file);
    let name = |path: &Path| linkat(CWD, &from, CWD, path, AtFlags::SYMLINK_FOLLOW);
    match name(path) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let beside =
        tempfile::Builder::new().make_in(super::directory_of(path), |beside| Ok(name(beside)?))?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn both_kinds_of_drafts_appear_whole_and_leave_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let count = || {
            std::fs::read_dir(directory.path())
                .expect("readable")
                .count()
        };
        let path = directory.path().join("file");
        for make in [Draft::new, Draft::named] {
            let mut draft = make(directory.path()).expect("a draft");
            draft.file_mut().write_all(b"half").expect("writable");
            drop(draft);
            assert_eq!(count(), usize::from(path.exists()));
            for text in ["new", "replaced"] {
                let mut draft = make(directory.path()).expect("a draft");
                draft
                    .file_mut()
                    .write_all(text.as_bytes())
                    .expect("writable");
                draft.give_name(&path).expect("a name");
                assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);
                assert_eq!(count(), 1);
            }
        }
    }
}
