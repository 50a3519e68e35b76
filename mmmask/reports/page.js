// Sorts a table of class "sortable" by a click on a heading: the rows of its first tbody.
// A cell's data-value comes before its text; empty cells stay last in both directions.
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = table.tBodies[0];
      const key = row => {
        const cell = row.cells[column];
        const text = cell.dataset.value ?? cell.textContent.trim().replace('\u2212', '-');
        return { none: text === '' || text === '\u2013', number: Number(text), text };
      };
      const order = (a, b) =>
        isNaN(a.number) || isNaN(b.number)
          ? a.text.localeCompare(b.text, undefined, { numeric: true })
          : a.number - b.number;
      const rows = [...body.rows].map(row => ({ row, key: key(row) }));
      rows.sort((a, b) => a.key.none - b.key.none || (down ? -1 : 1) * order(a.key, b.key));
      body.append(...rows.map(item => item.row));
    });
  });
}

// A button of class "copy" copies the text of the element that its data-of names.
for (const button of document.querySelectorAll('button.copy')) {
  button.addEventListener('click', async () => {
    const target = document.getElementById(button.dataset.of);
    try {
      await navigator.clipboard.writeText(target.textContent);
      button.textContent = 'copied';
    } catch {
      target.closest('details').open = true;
      getSelection().selectAllChildren(target);
    }
  });
}

// A link to a closed details opens it.
for (const link of document.querySelectorAll('a[href^="#"]')) {
  link.addEventListener('click', () => {
    document.getElementById(link.hash.slice(1)).open = true;
  });
}
