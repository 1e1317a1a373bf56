/**
 * The one script of our pages: finds, filters and sorts rows of the table `#versions-table`. It reads and moves what the page
 * holds and nothing else; the page's own policy lets in only these bytes, by digest. Without it the table stands whole.
 */
export const FIND_IN_TABLE = `
(() => {
  const table = document.querySelector('#versions-table table');
  const find = document.querySelector('#find');
  if (!table || !find) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase(), kind: row.dataset.kind }));
  const [words, kind, told] = [find.querySelector('input'), find.querySelector('select'), find.querySelector('output')];
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const each of rows) {
      const hit = wanted.every((word) => each.text.includes(word)) && (kind.value === '' || kind.value === each.kind);
      each.row.hidden = !hit;
      if (hit) shown += 1;
    }
    told.textContent = shown + ' of ' + rows.length;
  };
  const keyOf = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim().toLowerCase();
  const sort = (head, column) => {
    const down = head.getAttribute('aria-sort') === 'ascending';
    for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const keyed = rows.map(({ row }) => ({ row, key: keyOf(row, column) }));
    keyed.sort((a, b) => (down ? -1 : 1) * a.key.localeCompare(b.key, 'en', { numeric: true }));
    body.append(...keyed.map(({ row }) => row));
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => sort(head, column));
  });
  words.addEventListener('input', show);
  kind.addEventListener('input', show);
  find.hidden = false;
  show();
})();
`;
