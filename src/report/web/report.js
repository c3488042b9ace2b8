"use strict";

/* ---- the table: a tap on a heading sorts, the fields above filter ---- */
const table = document.getElementById("pictures-table");
const body = table.tBodies[0];
const headings = [...table.tHead.rows[0].cells];
const rows = [...body.rows];

/* Cells carry what they are sorted by; a cell without it goes last in either direction. */
function keyOf(row, column, isText) {
  const cell = row.cells[column];
  if (isText) return cell.textContent;
  return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
}

function compareKeys(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  return direction * order;
}

/* The worst first; another tap turns the order. */
function sortBy(column) {
  const heading = headings[column];
  const isText = "text" in heading.dataset;
  const rises = heading.ariaSort ? heading.ariaSort === "descending" : !("falls" in heading.dataset);
  const keyed = rows.map((row) => ({ row, key: keyOf(row, column, isText) }));
  keyed.sort((a, b) => compareKeys(a.key, b.key, rises ? 1 : -1));
  for (const other of headings) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
  body.append(...keyed.map((item) => item.row));
}

headings.forEach((heading, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  button.addEventListener("click", () => sortBy(column));
  heading.append(button);
});

const nameFilter = document.getElementById("filter-name");
const sizeFilter = document.getElementById("filter-size");
const dscFilter = document.getElementById("filter-dsc");
const count = document.getElementById("filter-count");

function isWanted(row) {
  const name = row.cells[0].textContent.toLowerCase();
  const dsc = row.cells[1].dataset.v;
  if (!name.includes(nameFilter.value.trim().toLowerCase())) return false;
  if (sizeFilter.value && row.dataset.size !== sizeFilter.value) return false;
  return dscFilter.value === "" || (dsc !== undefined && Number(dsc) <= Number(dscFilter.value));
}

function filterRows() {
  let shown = 0;
  for (const row of rows) {
    row.hidden = !isWanted(row);
    shown += !row.hidden;
  }
  count.textContent = shown === rows.length ? `${shown} pictures` : `${shown} of ${rows.length} pictures`;
}

for (const field of [nameFilter, sizeFilter, dscFilter]) field.addEventListener("input", filterRows);
document.querySelector(".filter").addEventListener("submit", (event) => event.preventDefault());
filterRows();

/* ---- galleries: outlines on and off, a tap enlarges ---- */
for (const kind of ["truth", "found", "second"]) {
  const box = document.getElementById(`show-${kind}`);
  if (!box) continue;
  const follow = () => document.body.classList.toggle(`no-${kind}`, !box.checked);
  box.addEventListener("change", follow);
  follow();
}

const tiles = [...document.querySelectorAll(".tile")];
const large = document.getElementById("large");
const largePicture = document.getElementById("large-picture");
let current = 0;

function show(index) {
  current = (index + tiles.length) % tiles.length;
  const tile = tiles[current];
  const image = tile.querySelector("img");
  largePicture.replaceChildren(...[...tile.querySelector("button").children].map((part) => part.cloneNode(true)));
  largePicture.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
  document.getElementById("large-name").textContent =
    `${tile.querySelector(".stem").textContent}, ${tile.querySelector(".value").textContent}`;
  if (!large.open) large.showModal();
}

tiles.forEach((tile, index) => tile.querySelector("button").addEventListener("click", () => show(index)));
document.getElementById("large-back").addEventListener("click", () => show(current - 1));
document.getElementById("large-next").addEventListener("click", () => show(current + 1));
large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
large.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(current - 1);
  if (event.key === "ArrowRight") show(current + 1);
});
