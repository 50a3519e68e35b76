"""Drives Chromium through its DevTools pipe, with the standard library alone."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None
)

CONTRASTS = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [a, b] = [parse(getComputedStyle(element).color), behind(element)].map(light);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), texts.currentNode.data.trim()]);
  }
  return found;
})()
"""
"""Gives (ratio, text) of each visible text against its background, as WCAG 2 defines the ratio."""


class Page:
    """An open page.

    Attributes:
        errors: Exceptions and console errors so far.
        requests: Addresses that the page asked for, its own among them.
    """

    def __init__(self, to: int, answers: int, process: subprocess.Popen) -> None:
        self._to, self._answers, self._process = to, answers, process
        self._buffer, self._number = b'', 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self._call('Target.createTarget', url='about:blank')['targetId']
        self._session: str | None = None
        attached = self._call('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self._call(f'{domain}.enable')

    def open(self, path: Path, width: int = 1280, dark: bool = False) -> None:
        """Open a file in a window of a width; ``dark`` is what the user prefers."""
        self._call(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = dict(name='prefers-color-scheme', value='dark' if dark else 'light')
        self._call('Emulation.setEmulatedMedia', features=[scheme])
        self._call('Page.navigate', url=path.resolve().as_uri())
        deadline = time.monotonic() + 30
        while self.run('location.protocol + document.readyState') != 'file:complete':
            assert time.monotonic() < deadline, f'{path} does not load'
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """Return the value of an expression, or what its promise gives."""
        answer = self._call(
            'Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True
        )
        assert 'exceptionDetails' not in answer, answer['exceptionDetails']
        return answer['result'].get('value')

    def click(self, selector: str, index: int = 0) -> None:
        """Click on the middle of an element with the mouse."""
        element = f'document.querySelectorAll({json.dumps(selector)})[{index}]'
        self.run(f'{element}.scrollIntoView({{block: "center", inline: "center"}})')
        box = self.run(
            f'(({{x, y, width, height}}) => [x + width / 2, y + height / 2])'
            f'({element}.getBoundingClientRect())'
        )
        for kind in ('mousePressed', 'mouseReleased'):
            place = dict(x=box[0], y=box[1], button='left', clickCount=1)
            self._call('Input.dispatchMouseEvent', type=kind, **place)

    def column(self, table: str, index: int) -> list[str]:
        """Return the texts of a column of the first body of a table."""
        rows = f'document.querySelector({json.dumps(table)}).tBodies[0].rows'
        return self.run(f'[...{rows}].map(row => row.cells[{index}].textContent.trim())')

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        shot = self._call('Page.captureScreenshot', captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot['data']))

    def _call(self, method: str, **parameters) -> dict:
        self._number += 1
        message = dict(id=self._number, method=method, params=parameters)
        if getattr(self, '_session', None):
            message['sessionId'] = self._session
        os.write(self._to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._receive()
            if answer.get('id') == self._number:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']
            self._note(answer.get('method'), answer.get('params', {}))

    def _note(self, event: str | None, about: dict) -> None:
        if event == 'Runtime.exceptionThrown':
            self.errors.append(json.dumps(about['exceptionDetails']))
        elif event == 'Log.entryAdded' and about['entry']['level'] in ('error', 'warning'):
            self.errors.append(about['entry']['text'])
        elif event == 'Runtime.consoleAPICalled' and about['type'] in ('error', 'warning'):
            self.errors.append(json.dumps(about['args']))
        elif event == 'Network.requestWillBeSent':
            self.requests.append(about['request']['url'])

    def _receive(self) -> dict:
        while b'\0' not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], 60)
            part = os.read(self._answers, 1 << 20) if ready else b''
            assert part, f'Chromium does not answer (exit status {self._process.poll()})'
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)


@contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """Start Chromium without a window, and end it.

    Args:
        profile: A folder for what it keeps.
    """
    commands, to = os.pipe()
    answers, from_it = os.pipe()
    # Chromium reads commands from 3 and answers on 4, where this process may have other files.
    ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (commands, from_it)]
    for fd in (commands, from_it):
        os.close(fd)
    move = 'import os, sys; a, b, *words = sys.argv[1:]; '
    move += 'os.dup2(int(a), 3); os.dup2(int(b), 4); os.execv(words[0], words)'
    words = [
        *(CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'),
        *('--no-first-run', '--remote-debugging-pipe', f'--user-data-dir={profile}'),
    ]
    process = subprocess.Popen(
        [sys.executable, '-c', move, *map(str, ends), *words],
        pass_fds=ends,
        stderr=subprocess.DEVNULL,
    )
    for fd in ends:
        os.close(fd)
    try:
        yield Page(to, answers, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to)
        os.close(answers)
