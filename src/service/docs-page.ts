import { html, Markup, markup } from "./html.js";
import {
  type MediaType,
  type Operation,
  openApiDocument,
  operationList,
  type Parameter,
  type Response,
} from "./openapi.js";

let page: string | undefined;

/** openapi.yaml as a readable page: one file, without scripts or external resources. */
export function docsPage(): string {
  page ??= render();
  return page;
}

function render(): string {
  const { info, tags, components } = openApiDocument;
  return markup(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>${info.title}</h1>
<p>${info.summary}</p>
</header>
<nav>${tags.map(
    ({ name }) => html`
<h2><a href="#${name}">${name}</a></h2>
<ul>${callsOf(name).map(({ id, summary }) => html`<li><a href="#${id}">${summary}</a></li>`)}</ul>`,
  )}
<h2><a href="#schemas">Schemas</a></h2>
<p><a href="openapi.json">openapi.json</a></p>
</nav>
<main>
${prose(info.description)}
${tags.map(
  ({ name, description }) => html`<section id="${name}">
<h2>${name}</h2>
${prose(description)}
${callsOf(name).map(renderCall)}
</section>`,
)}
<section id="schemas">
<h2>Schemas</h2>
${Object.entries(components.schemas).map(
  ([name, schema]) => html`<article id="schema-${name}"><h3>${name}</h3>${renderSchema(schema)}</article>`,
)}
</section>
</main>
</body>
</html>
`);
}

function callsOf(tag: string): readonly Operation[] {
  return operationList.filter((operation) => operation.tag === tag);
}

function renderCall(operation: Operation): Markup {
  const { id, method, path, summary, description, needsToken, parameters, requestContent, responses } =
    operation;
  return html`<article id="${id}">
<h3>${summary}</h3>
<p class="call"><b>${method.toUpperCase()}</b> <code>${path}</code></p>
${prose(description)}
${needsToken ? html`<p>Needs the header <code>Authorization</code>.</p>` : ""}
${parameters.length === 0 ? "" : html`<h4>Parameters</h4><dl>${parameters.map(renderParameter)}</dl>`}
${requestContent === undefined ? "" : html`<h4>Body</h4>${renderContent(requestContent)}`}
<h4>Answers</h4>
<dl>${Object.entries(responses).map(([status, response]) => renderResponse(status, response))}</dl>
</article>`;
}

function renderParameter({ name, in: place, required, description = "" }: Parameter): Markup {
  const kind = place === "header" ? `header, ${required ? "needed" : "optional"}` : "in the path";
  return html`<dt><code>${name}</code> (${kind})</dt><dd>${prose(description)}</dd>`;
}

function renderResponse(status: string, { description, content = {} }: Response): Markup {
  return html`<dt>${status}</dt><dd>${prose(description)}${renderContent(content)}</dd>`;
}

function renderContent(content: Readonly<Record<string, MediaType>>): readonly Markup[] {
  return Object.entries(content).map(
    ([type, { schema }]) => html`<p><code>${type}</code></p>${renderSchema(schema)}`,
  );
}

/** Renders a schema: a link if it is described below, otherwise the schema itself. */
function renderSchema(schema: object): Markup {
  const { $ref } = schema as { $ref?: string };
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return html`<p><a href="#schema-${name}">${name}</a></p>`;
  }
  return html`<pre>${JSON.stringify(schema, null, 2)}</pre>`;
}

/** Renders the Markdown that the document uses: paragraphs, lists, and code in backquotes. */
function prose(text: string): readonly Markup[] {
  return text
    .trim()
    .split(/\n{2,}/)
    .filter((part) => part !== "")
    .map((part) => {
      if (!part.startsWith("- ")) return html`<p>${inline(part)}</p>`;
      return html`<ul>${part
        .slice(2)
        .split("\n- ")
        .map((item) => html`<li>${inline(item)}</li>`)}</ul>`;
    });
}

function inline(text: string): readonly Markup[] {
  return text.split("`").map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 0 1.5rem 4rem;
  display: grid; grid-template-columns: 16rem minmax(0, 1fr); column-gap: 3rem; }
header { grid-column: 1 / -1; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; font-size: 0.9rem; }
nav h2 { font-size: 1rem; margin: 1rem 0 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
article { border-top: 1px solid #8886; margin-top: 2rem; }
code, pre { font: 0.9em/1.4 ui-monospace, monospace; }
pre { background: #8882; padding: 0.75rem; overflow: auto; max-height: 24rem; }
.call { background: #8882; padding: 0.4rem 0.75rem; }
dt { font-weight: 600; }
dd p { margin: 0.25rem 0; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; } }
`;
