/** The playground's page. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>O1 Embedder: playground</title>
<link rel="icon" href="/playground.svg" type="image/svg+xml">
<link rel="stylesheet" href="/playground.css">
<script src="/assets/d3.min.js" defer></script>
<script src="/playground.js" type="module"></script>
</head>
<body>
<header>
  <h1>O1 Embedder</h1>
  <p id="model"></p>
</header>
<main>
  <form id="form" role="search">
    <label for="query">What do you want to know?</label>
    <div class="line">
      <input id="query" name="query" type="search" required maxlength="2000" autocomplete="off" autofocus>
      <button type="submit">Search</button>
      <button type="button" id="stop" hidden>Stop</button>
    </div>
    <div class="settings">
      <fieldset>
        <legend>Think</legend>
        <label><input type="radio" name="think" value="never"> never</label>
        <label><input type="radio" name="think" value="auto" id="auto" aria-describedby="no-auto"> auto</label>
        <label><input type="radio" name="think" value="always" id="always" checked> always</label>
        <span id="no-auto" hidden>(auto: this adapter has no rule for when to think)</span>
      </fieldset>
      <label>Thoughts <input type="number" name="thoughts" min="1" max="8" value="1"></label>
      <label>Temperature <input type="number" name="temperature" min="0" max="2" step="0.1" placeholder="model's"></label>
    </div>
    <label id="key" hidden>API key <input type="password" name="key" autocomplete="off"></label>
  </form>
  <p id="error" role="alert" hidden></p>
  <p id="status" role="status">Ask a question: hits come at once, and again after a thought.</p>
  <noscript><p>This page needs JavaScript.</p></noscript>
  <div class="columns">
    <section id="thoughts-section" aria-labelledby="thoughts-heading" hidden>
      <h2 id="thoughts-heading">Thought</h2>
      <div id="thoughts" aria-live="polite"></div>
    </section>
    <section id="hits-section" aria-labelledby="hits-heading" hidden>
      <h2 id="hits-heading">Hits</h2>
      <ol id="hits"></ol>
    </section>
    <section id="picture-section" aria-labelledby="picture-heading" hidden>
      <h2 id="picture-heading">How the thought moved the query</h2>
      <figure>
        <svg id="picture" viewBox="0 0 400 300" role="img"></svg>
        <figcaption>
          <span class="key document">hit, with its rank (small: lost by the thought)</span>
          <span class="key instant">query alone</span>
          <span class="key final">query and thought</span>
          <span>Vectors on the plane that shows their distances best.</span>
        </figcaption>
      </figure>
    </section>
  </div>
</main>
</body>
</html>
`;

/** The page's icon: a query and where its thought takes it. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<path d="M9 22 L21 10" stroke="#b4471f" stroke-width="3"/>
<circle cx="9" cy="22" r="5" fill="#fff" stroke="#b4471f" stroke-width="3"/>
<circle cx="22" cy="9" r="6" fill="#b4471f"/>
</svg>
`;
