"use strict";
// A click on a heading sorts the table by that column, numbers by value; the page reads the same without this.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  heads.forEach((head, at) => {
    head.setAttribute("aria-sort", "none");
    head.tabIndex = 0;
    const sort = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const text = (row) => row.cells[at].textContent.trim();
      const value = (row) => {
        const n = text(row).replace(/[,≥ ]/g, "").match(/^[+-]?\d+(\.\d+)?/);
        return n ? Number(n[0]) : null;
      };
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        return x !== null && y !== null ? x - y : text(a).localeCompare(text(b));
      };
      const rows = [...body.rows].sort((a, b) => (up ? order(a, b) : order(b, a)));
      heads.forEach((h) => h.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        sort();
      }
    });
  });
}
