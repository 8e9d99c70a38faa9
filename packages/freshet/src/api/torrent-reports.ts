/** What a session tells of a torrent, made into what is known of it and into its events. */

import { fromErrorValue } from '../session/errors.ts';
import type { FileSnapshot, TorrentEvent } from '../session/protocol.ts';
import { callSafely } from './emitter.ts';
import type { File } from './file.ts';
import type { Milestones } from './milestones.ts';
import type { Torrent, TorrentOwner } from './torrent.ts';
import type { TorrentFacts } from './torrent-state.ts';
import { peerAddressText } from './wire.ts';

export interface ReportsTarget {
  readonly torrent: Torrent;
  readonly facts: TorrentFacts;
  readonly milestones: Milestones<Torrent>;
  readonly owner: TorrentOwner;
  /** It was made by `client.seed`. */
  readonly seed: boolean;
  makeFile(snapshot: FileSnapshot): File;
}

export class TorrentReports {
  readonly #target: ReportsTarget;
  #seeding = false;

  constructor(target: ReportsTarget) {
    this.#target = target;
  }

  handle(event: TorrentEvent): void {
    const { torrent, facts } = this.#target;
    switch (event.type) {
      case 'infoHash':
        facts.infoHash = event.infoHash;
        facts.infoHashV1 = event.infoHashV1;
        facts.infoHashV2 = event.infoHashV2;
        facts.magnetURI = event.magnetURI;
        facts.name = event.name;
        facts.path = event.path;
        facts.announce = [...event.announce];
        facts.urlList = [...event.urlList];
        torrent.emit('infoHash');
        break;
      case 'metadata': {
        const { metadata } = event;
        facts.infoHashV1 = metadata.infoHashV1;
        facts.infoHashV2 = metadata.infoHashV2;
        facts.announce = [...metadata.announce];
        facts.urlList = [...metadata.urlList];
        facts.contents.onMetadata(metadata, (file) => this.#target.makeFile(file));
        torrent.emit('metadata');
        break;
      }
      case 'torrentFile':
        facts.contents.onTorrentFile(event.torrentFile);
        break;
      case 'checking':
        torrent.emit('checking', event.checked, event.total);
        break;
      case 'hashing':
        callSafely(this.#target.owner.options.onProgress, event.hashed, event.total);
        torrent.emit('hashing', event.hashed, event.total);
        break;
      case 'ready':
        this.#onReady(event);
        break;
      case 'progress':
        this.#onProgress(event);
        break;
      case 'renamed':
        facts.contents.onRenamed(event.files);
        break;
      case 'moving':
        torrent.emit('moving', event.moved, event.total);
        break;
      case 'moved':
        facts.path = event.path;
        break;
      case 'done':
        this.#onDone();
        break;
      case 'queued':
        facts.queued = event.queued;
        torrent.emit('queued', event.queued);
        break;
      case 'goal':
        facts.paused = true;
        facts.reachedGoal = event.goal;
        torrent.emit('goal', event.goal);
        torrent.emit('paused');
        break;
      case 'peer':
        torrent.emit(
          'wire',
          facts.wires.add(event.peer, (wire) => torrent.removePeer(wire)),
          peerAddressText(event.peer),
        );
        break;
      case 'peers':
        facts.wires.update(event.peers);
        break;
      case 'peerClosed':
        facts.wires.end(event.id, event.peer);
        break;
      case 'noPeers':
        torrent.emit('noPeers', event.source);
        break;
      case 'announce':
        torrent.emit('trackerAnnounce', event.url);
        break;
      case 'warning':
        torrent.emit('warning', fromErrorValue(event.error));
        break;
      case 'error':
        torrent.fail(fromErrorValue(event.error), event.resumable);
        break;
    }
  }

  #onReady(event: TorrentEvent & { type: 'ready' }): void {
    const { torrent, facts, milestones, owner } = this.#target;
    facts.stats = event.stats;
    const complete = facts.contents.onReady(event.verified);
    facts.done = false;
    if (!facts.ready) {
      facts.ready = true;
      milestones.reached('ready', torrent);
      owner.ready(torrent);
      torrent.emit('ready');
    }
    facts.contents.tellDone(complete);
  }

  #onProgress(event: TorrentEvent & { type: 'progress' }): void {
    const { torrent, facts, owner } = this.#target;
    facts.stats = event.stats;
    // More has been selected since; `done` comes again.
    if (event.stats.wantedVerifiedBytes < event.stats.wantedBytes) facts.done = false;
    const complete = facts.contents.onProgress(event.verified, event.partial);
    if (event.downloaded > 0) {
      torrent.emit('download', event.downloaded);
      owner.transferred('download', event.downloaded);
    }
    if (event.uploaded > 0) {
      torrent.emit('upload', event.uploaded);
      owner.transferred('upload', event.uploaded);
    }
    for (const index of event.verified) torrent.emit('verified', index);
    facts.contents.tellDone(complete);
  }

  #onDone(): void {
    const { torrent, facts, milestones, owner, seed } = this.#target;
    facts.done = true;
    milestones.reached('done', torrent);
    torrent.emit('done');
    torrent.emit('idle');
    if (seed && !this.#seeding && !torrent.destroyed) {
      this.#seeding = true;
      owner.seeding(torrent);
    }
  }
}
