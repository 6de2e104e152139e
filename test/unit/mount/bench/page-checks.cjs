// Runs in the page of a report, and tells what a reader could not read there. The last expression is the
// result.

/** The numbers of a computed colour: red, green, blue of 255, and how opaque it is. */
function channelsOf(colour) {
  const numbers = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return numbers.length === 3 ? [...numbers, 1] : numbers;
}

/** WCAG 2.2, relative luminance. */
function luminanceOf(colour) {
  const [red, green, blue] = channelsOf(colour)
    .slice(0, 3)
    .map((channel) => channel / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrastOf(one, other) {
  const [low, high] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function backgroundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (channelsOf(colour)[3] === 1) return colour;
  }
  return 'rgb(255, 255, 255)';
}

function hasOwnText(element) {
  return [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
}

function isSeen(element) {
  const { width, height } = element.getBoundingClientRect();
  return width > 0 && height > 0;
}

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Text with too little contrast: 4.5, as WCAG has it for text of this size. */
function faintTexts() {
  return all('body *')
    .filter((element) => hasOwnText(element) && isSeen(element) && element.tagName !== 'title')
    .map((element) => {
      const { color, fill } = getComputedStyle(element);
      const text = element instanceof SVGElement ? fill : color;
      return { text: element.textContent, contrast: contrastOf(text, backgroundOf(element)) };
    })
    .filter(({ contrast }) => !(contrast >= 4.5));
}

/** Marks of charts with too little contrast: 3, as WCAG has it for graphics. */
function faintMarks() {
  return all('svg.marker path, svg.marker circle, svg.marker g, .swatch')
    .map((element) => {
      const { fill, backgroundColor } = getComputedStyle(element);
      const colour = element instanceof SVGElement ? fill : backgroundColor;
      const behind = element.closest('figure, .card');
      return { colour, contrast: contrastOf(colour, backgroundOf(behind)) };
    })
    .filter(({ contrast }) => !(contrast >= 3));
}

/** What is wider than the box that it lies in, where nobody can scroll to it. */
function cutOff() {
  return all('h1, p, figcaption, .card, .card div, li, dd, td')
    .filter((element) => getComputedStyle(element).overflowX === 'visible')
    .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
    .map((element) => element.textContent.trim().slice(0, 80));
}

/** Texts of a chart that lie over each other, or outside of the chart's frame. */
function clashes() {
  return all('svg.chart').flatMap((chart) => {
    const frame = chart.closest('figure').getBoundingClientRect();
    const scrolled = chart.parentElement.scrollWidth - chart.parentElement.clientWidth;
    const texts = all('text', chart)
      .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    const outside = texts.filter(
      ({ box }) => box.left < frame.left - 1 || box.right > frame.right + scrolled + 1,
    );
    const over = texts.flatMap((one, index) =>
      texts
        .slice(index + 1)
        .filter(
          ({ box }) =>
            one.box.left < box.right - 1 &&
            box.left < one.box.right - 1 &&
            one.box.top < box.bottom - 1 &&
            box.top < one.box.bottom - 1,
        )
        .map((other) => `${one.text} over ${other.text}`),
    );
    return [...outside.map(({ text }) => `${text} outside`), ...over];
  });
}

for (const details of all('details')) details.open = true;

({
  sections: all('section').map(({ id }) => id),
  charts: all('svg.chart').map((chart) => ({
    title: chart.getAttribute('aria-label'),
    role: chart.getAttribute('role'),
    marks: all('[aria-label=line] path, [aria-label=bar] rect, [aria-label=dot] *', chart).length,
    hasTable: [chart.closest('figure'), chart.closest('.card')].some((around) =>
      around?.querySelector('details table'),
    ),
  })),
  setUpHeads: all('#set-up th').map(({ textContent }) => textContent),
  boldInSetUp: all('#set-up b').length,
  overflow: document.documentElement.scrollWidth - innerWidth,
  background: getComputedStyle(document.body).backgroundColor,
  ...{ faintTexts: faintTexts(), faintMarks: faintMarks(), clashes: clashes(), cutOff: cutOff() },
});
