/**
 * The script of pages with a drawn lineage: moves, zooms and folds the picture `#drawing`. It changes what the page shows of
 * itself and nothing else; the page's own policy lets in only these bytes, by digest. A graph library would do no more here,
 * since the places are computed when the page is written, and would weigh a hundred times as much on every page.
 */
export const MOVE_DRAWING = `
(() => {
  const graph = document.querySelector('#drawing');
  if (!graph) return;
  const [svg, region, tools] = ['svg', '.scroll', '.tools'].map((each) => graph.querySelector(each));
  const boxes = [...svg.querySelectorAll('[data-box]')];
  const lines = [...svg.querySelectorAll('[data-from]')].map((line) => ({ line, from: +line.dataset.from, to: +line.dataset.to }));
  const inputs = boxes.map(() => []);
  for (const { from, to } of lines) inputs[from].push(to);
  const all = svg.viewBox.baseVal;
  const page = { width: all.width, height: all.height };
  const opened = new Set();
  const shownNow = () => {
    const shown = new Set([0]);
    for (const at of shown) if (opened.has(at)) for (const to of inputs[at]) shown.add(to);
    return shown;
  };
  for (let at = 0, shown = [0]; at < shown.length; at++) {
    const more = inputs[shown[at]].filter((to) => !shown.includes(to));
    if (shown.length + more.length > 40 && at > 0) break;
    opened.add(shown[at]);
    for (const each of more) shown.push(each);
  }
  const draw = () => {
    const shown = shownNow();
    const put = (each, yes) => (yes ? each.removeAttribute('display') : each.setAttribute('display', 'none'));
    boxes.forEach((box, at) => {
      put(box, shown.has(at));
      const fold = box.querySelector('.fold');
      if (!fold) return;
      const open = opened.has(at);
      fold.removeAttribute('display');
      fold.setAttribute('tabindex', '0');
      fold.setAttribute('aria-expanded', open);
      fold.querySelector('text').textContent = open ? '\\u2212' : inputs[at].length;
    });
    for (const { line, from, to } of lines) put(line, opened.has(from) && shown.has(from) && shown.has(to));
  };
  const edges = () => {
    const seen = boxes.filter((box) => !box.hasAttribute('display')).map((box) => box.querySelector('rect').getBBox());
    const edge = (pick, of) => seen.map(of).reduce((a, b) => pick(a, b));
    const x = edge(Math.min, (one) => one.x) - 8;
    const y = edge(Math.min, (one) => one.y) - 8;
    return {
      x,
      y,
      width: edge(Math.max, (one) => one.x + one.width) + 20 - x,
      height: edge(Math.max, (one) => one.y + one.height) + 8 - y,
    };
  };
  let view = { x: 0, y: 0, scale: 1 };
  const room = () => ({ width: region.clientWidth, height: svg.clientHeight });
  const show = () => {
    const { width, height } = room();
    svg.setAttribute('viewBox', [view.x, view.y, width / view.scale, height / view.scale].join(' '));
  };
  const fit = (least) => {
    const { x, y, width, height } = edges();
    const space = room();
    const scale = Math.min(1, Math.max(least, Math.min(space.width / width, space.height / height)));
    const over = (inside, size) => Math.max(0, inside / scale - size) / 2;
    const rootBox = boxes[0].querySelector('rect').getBBox();
    const low = rootBox.y + rootBox.height / 2 - space.height / scale / 2;
    view = { x: x - over(space.width, width), y: height * scale > space.height ? low : y - over(space.height, height), scale };
    show();
  };
  const zoom = (by, point) => {
    const scale = Math.min(4, Math.max(0.05, view.scale * by));
    const { width, height } = room();
    const at = point ?? { x: width / 2, y: height / 2 };
    view = { x: view.x + at.x / view.scale - at.x / scale, y: view.y + at.y / view.scale - at.y / scale, scale };
    show();
  };
  const move = (x, y) => {
    view.x -= x / view.scale;
    view.y -= y / view.scale;
    show();
  };
  const pointOf = ({ clientX, clientY }) => {
    const { left, top } = svg.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const toggle = (fold) => {
    const at = +fold.parentNode.dataset.box;
    if (!opened.delete(at)) opened.add(at);
    draw();
  };
  const held = new Map();
  let moved = false;
  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    if (held.size === 0) moved = false;
    held.set(event.pointerId, event);
  });
  svg.addEventListener('pointermove', (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    if (!moved && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
    if (!moved) svg.setPointerCapture(event.pointerId);
    moved = true;
    const other = [...held.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (other) {
      const apart = (one) => Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
      zoom(apart(event) / apart(before), pointOf(other));
    } else move(event.clientX - before.clientX, event.clientY - before.clientY);
    held.set(event.pointerId, event);
  });
  for (const end of ['pointerup', 'pointercancel']) svg.addEventListener(end, ({ pointerId }) => held.delete(pointerId));
  svg.addEventListener('dragstart', (event) => event.preventDefault());
  svg.addEventListener('click', (event) => {
    if (moved && event.detail > 0) return event.preventDefault();
    const fold = event.target.closest('.fold');
    if (fold) toggle(fold);
  }, true);
  svg.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / (event.deltaMode === 0 ? 250 : 12)), pointOf(event));
  }, { passive: false });
  const KEYS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60], '+': 1.25, '=': 1.25, '-': 0.8, 0: 'whole' };
  region.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const fold = event.target.closest('.fold');
    const does = KEYS[event.key];
    if (fold && (event.key === 'Enter' || event.key === ' ')) toggle(fold);
    else if (does === 'whole') fit(0.05);
    else if (typeof does === 'number') zoom(does);
    else if (does) move(...does);
    else return;
    event.preventDefault();
  });
  const DOES = {
    in: () => zoom(1.25),
    out: () => zoom(0.8),
    whole: () => fit(0.05),
    open: () => {
      boxes.forEach((_, at) => opened.add(at));
      draw();
      fit(0.05);
    },
  };
  tools.addEventListener('click', ({ target }) => DOES[target.dataset.do]?.());
  region.addEventListener('focusin', ({ target }) => {
    const box = target.closest('[data-box]');
    if (!box) return;
    const { x, y, width, height } = box.querySelector('rect').getBBox();
    const space = room();
    const out = x < view.x || y < view.y || x + width > view.x + space.width / view.scale || y + height > view.y + space.height / view.scale;
    if (out) view = { ...view, x: x + width / 2 - space.width / view.scale / 2, y: y + height / 2 - space.height / view.scale / 2 };
    show();
    region.scrollTo(0, 0);
  });
  const size = () => {
    const { width, height } = edges();
    const scale = Math.min(1, Math.max(0.6, region.clientWidth / width));
    svg.style.height = Math.ceil(Math.min(height * scale, Math.max(260, innerHeight * 0.7))) + 'px';
  };
  graph.classList.add('live');
  tools.hidden = false;
  const begin = () => {
    size();
    fit(0.6);
  };
  draw();
  begin();
  let broad = region.clientWidth;
  addEventListener('resize', () => {
    if (region.clientWidth !== broad) begin();
    broad = region.clientWidth;
  });
  addEventListener('beforeprint', () => {
    const { x, y, width, height } = edges();
    svg.setAttribute('viewBox', [x, y, width, height].join(' '));
  });
  addEventListener('afterprint', show);
})();
`;
