// Import and export, with how far they are.
"use strict";

const progress = $("#progress progress");

function show(text, part) {
  $("#progress").hidden = false;
  $("#progress-text").textContent = text;
  if (part === undefined) progress.removeAttribute("value");
  else progress.value = part;
}

const upload = $("#import");
if (upload) {
  let isSending = false;
  upload.addEventListener("htmx:beforeSend", () => {
    isSending = true;
    show("Sending…", 0);
  });
  upload.addEventListener("htmx:xhr:progress", ({ detail }) => {
    if (!isSending || !detail.lengthComputable) return;
    progress.value = detail.loaded / detail.total;
    if (detail.loaded < detail.total) return;
    isSending = false;
    show("Writing the notes…");
  });
  upload.addEventListener("htmx:afterRequest", () => {
    $("#progress").hidden = true;
  });
  document.addEventListener("htmx:afterSettle", () => $("#report").focus());
}

// Notes in the file: a line each, or the signature of a member of a zip.
const SIGNS = { "notes.jsonl": [10], "notes.zip": [0x50, 0x4b, 3, 4] };

async function download(link) {
  const sign = SIGNS[link.download];
  const parts = [];
  let found = 0;
  let matched = 0;
  show("Reading the notes…", 0);
  await renew();
  const answer = await fetch(link.href, { headers: { Accept: "*/*" } });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const reader = answer.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parts.push(piece.value);
    for (const byte of piece.value) {
      matched = byte === sign[matched] ? matched + 1 : Number(byte === sign[0]);
      if (matched < sign.length) continue;
      found += 1;
      matched = 0;
    }
    progress.value = Math.min(found / Math.max(link.dataset.count, 1), 1);
  }
  const file = document.createElement("a");
  file.href = URL.createObjectURL(new Blob(parts));
  file.download = link.download;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
  show("Done.", 1);
}

let isReading = false;
for (const link of document.querySelectorAll("[data-export]")) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    if (isReading) return;
    isReading = true;
    await download(link).catch((error) => show(`Nothing was exported: ${error.message}`, 0));
    isReading = false;
  });
}
