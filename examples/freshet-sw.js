// A service worker answers only for pages in its own folder and below. A site of your own hosts the built file itself.
importScripts('../packages/freshet/dist/bundle/freshet-sw.js');
