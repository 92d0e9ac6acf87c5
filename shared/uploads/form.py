"""Reads a multipart/form-data body as a stream: the file is passed on in chunks, the other fields are kept."""

from collections.abc import Iterator
from typing import IO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from shared.errors import Problem

CHUNK = 256 * 1024
MAX_BUFFER = 4 * CHUNK
MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS = 100


class Form:
    """The fields are complete once the file has been read to its end and `finish` was called."""

    def __init__(self, stream: IO[bytes], content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        if not boundary:
            raise Problem("invalid-request", "The multipart/form-data body has no boundary in its Content-Type.")
        self._stream = stream
        self._decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=MAX_BUFFER, max_parts=MAX_FIELDS)
        self.fields: list[tuple[str, str]] = []

    def file_name(self) -> str:
        """Reads up to the beginning of the file; returns its name. Raises Problem when there is no file."""
        event = self._fields_until_file()
        if event is None:
            raise Problem("invalid-request", "The form has no file: send it as the field 'file'.")
        return event.filename

    def file_chunks(self) -> Iterator[bytes]:
        """The bytes of the file that file_name found."""
        while True:
            event = self._next()
            if not isinstance(event, Data):
                raise _broken()
            if event.data:
                yield bytes(event.data)
            if not event.more_data:
                return

    def finish(self) -> None:
        """Reads what follows the file."""
        if self._fields_until_file() is not None:
            raise Problem("invalid-request", "The form has more than one file: send one at a time.")

    def _fields_until_file(self) -> File | None:
        name = ""
        value = bytearray()
        while True:
            match self._next():
                case File() as file:
                    if file.name != "file":
                        raise Problem("invalid-request", f"The file came as the field {file.name!r}: name it 'file'.")
                    return file
                case Field() as field:
                    name = field.name or ""
                    value.clear()
                case Data() as data:
                    value += data.data
                    if len(value) > MAX_FIELD_BYTES:
                        raise Problem("too-large", f"The field {name!r} is too long.")
                    if not data.more_data:
                        self.fields.append((name, value.decode("utf-8", "replace")))
                case Epilogue():
                    return None

    def _next(self) -> Event:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(self._stream.read(CHUNK) or None)
        except RequestEntityTooLarge as error:
            raise Problem("too-large", "The form has too many or too long fields.") from error
        except ValueError as error:
            raise _broken() from error
        return event


def _broken() -> Problem:
    return Problem("invalid-request", "The multipart/form-data body is cut short or broken.")
