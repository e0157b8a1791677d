"""What is promised of one caller's files and jobs, as plainly as it can be said: what live servers are held against.

Jobs stay as they were created, for nobody trains them. It knows no HTTP, no database and no process.
"""

from dataclasses import dataclass, field

DONE, GONE, REFUSED, REUSED = 200, 404, 400, 422
CREATED, CANCELLED = "validating_files", "cancelled"


@dataclass
class File:
    """An upload: its bytes, and whether it was deleted since."""

    name: str
    content: bytes
    deleted: bool = False


@dataclass
class Job:
    """A job: `mark` is the caller's own name for it, in its metadata."""

    mark: str
    file_id: str
    status: str = CREATED


@dataclass(frozen=True)
class Wish:
    """The body of a create, and its Idempotency-Key, empty if it has none."""

    mark: str
    file_id: str
    key: str = ""


@dataclass
class Reference:
    """All that one caller has, by the ids that the servers gave it."""

    files: dict[str, File] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)  # oldest first
    keys: dict[str, tuple[Wish, str]] = field(default_factory=dict)

    def uploaded(self, file_id: str, name: str, content: bytes) -> None:
        """An upload was acknowledged."""
        assert file_id not in self.files, "an id was given twice"
        self.files[file_id] = File(name, content)

    def delete(self, file_id: str) -> int:
        """The status that deleting a file gets."""
        file = self.files.get(file_id)
        if file is None or file.deleted:
            return GONE
        file.deleted = True
        return DONE

    def create(self, wish: Wish) -> int:
        """The status that a create gets."""
        if wish.key in self.keys:
            return DONE if self.keys[wish.key][0] == wish else REUSED
        file = self.files.get(wish.file_id)
        return REFUSED if file is None or file.deleted else DONE  # somebody else's may not even be known to exist

    def created(self, wish: Wish, job_id: str) -> bool:
        """A create was acknowledged; whether it was a replay, which is of the job that the key started."""
        if wish.key in self.keys:
            assert self.keys[wish.key] == (wish, job_id), "a key started a second job"
            return True
        assert job_id not in self.jobs, "an id was given twice"
        self.jobs[job_id] = Job(wish.mark, wish.file_id)
        if wish.key:
            self.keys[wish.key] = wish, job_id
        return False

    def cancel(self, job_id: str) -> int:
        """The status that a cancel gets."""
        job = self.jobs.get(job_id)
        if job is None:
            return GONE
        if job.status == CANCELLED:
            return REFUSED
        job.status = CANCELLED
        return DONE

    def retrieve(self, job_id: str) -> int:
        """The status that a look at a job gets."""
        return DONE if job_id in self.jobs else GONE

    def listing(self) -> list[tuple[str, str, str, str]]:
        """(id, mark, training_file, status) of every job, newest first."""
        return [(job_id, job.mark, job.file_id, job.status) for job_id, job in reversed(self.jobs.items())]

    def there(self) -> dict[str, str]:
        """The names of the files that are there, by their ids."""
        return {file_id: file.name for file_id, file in self.files.items() if not file.deleted}
