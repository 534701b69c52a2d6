"use strict";
// A click on a heading sorts its table by that column; one more turns the order round.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const numberOf = (cell) => {
    const text = cell.dataset.v;
    return text === "" || Number.isNaN(Number(text)) ? null : Number(text);
  };
  const compare = (a, b, column, isNumber, sign) => {
    if (!isNumber) {
      return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent);
    }
    const [first, second] = [numberOf(a.cells[column]), numberOf(b.cells[column])];
    if (first === null || second === null) {
      return (first === null) - (second === null); // what was not measured stands last
    }
    return sign * (first - second);
  };
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const isNumber = head.classList.contains("n");
      const before = head.getAttribute("aria-sort");
      const first = isNumber ? "descending" : "ascending";
      const other = isNumber ? "ascending" : "descending";
      const order = before === first ? other : first;
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].sort((a, b) => compare(a, b, column, isNumber, sign));
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      table.classList.add("sorted");
      body.append(...rows);
    });
  });
}
// A link to a folded table opens it.
const open = () => {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (found && found.tagName === "DETAILS") {
    found.open = true;
    found.scrollIntoView();
  }
};
window.addEventListener("hashchange", open);
open();
