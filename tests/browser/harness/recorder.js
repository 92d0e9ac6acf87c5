// Notes what is fed to the browser's media engine, whichever player feeds it. Loaded before any of them.
"use strict";

const appended = []; // in order: {kind: "audio" | "video", bytes, offset}

{
  const kinds = new WeakMap();
  const { addSourceBuffer } = MediaSource.prototype;
  MediaSource.prototype.addSourceBuffer = function (type) {
    const buffer = addSourceBuffer.call(this, type);
    kinds.set(buffer, type.split("/")[0]);
    return buffer;
  };
  const { appendBuffer } = SourceBuffer.prototype;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const view = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    appended.push({ kind: kinds.get(this), bytes: view.slice(), offset: this.timestampOffset, buffer: this });
    return appendBuffer.call(this, data);
  };
}

/** Buffered ranges of one kind as the media engine has them: [[start, end], …]. */
function ranges(kind) {
  const buffer = appended.findLast((piece) => piece.kind === kind)?.buffer;
  return buffer ? spans(buffer.buffered) : [];
}

function spans(buffered) {
  return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
}
