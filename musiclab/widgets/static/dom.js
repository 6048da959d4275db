// What several faces need. They follow this file in one module, so its names are known there.

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(pitch % 12);
const noteName = (pitch) => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);

function make(parent, tag, attributes = {}, text = "") {  // an element of HTML or, inside an svg, of SVG
  const space = tag === "svg" ? "http://www.w3.org/2000/svg" : parent.namespaceURI;
  const node = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  parent.append(node);
  return node;
}

