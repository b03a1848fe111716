"""The official Python SDK as the client of `remit mcp`: python sdk.py MODE REMIT AGENT, in a workspace with notes.txt.

Lists, calls, is refused, answers a question, follows progress, and cancels; ends with "ok", or with what went wrong.
MODE is `legacy` (the handshake of 2025) or `auto` (2026-07-28, where the server speaks it).
"""

import os
import sys

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ElicitResult

MODE, REMIT, AGENT = sys.argv[1:]
asked = []
answer = {"decision": "allow"}


async def ask(context, params):
    asked.append(params.message)
    return ElicitResult(action="accept", content=answer) if answer else ElicitResult(action="decline")


def text(result):
    return "\n".join(block.text for block in result.content)


def server():
    return StdioServerParameters(command=REMIT, args=["mcp", "--agent", AGENT], env=dict(os.environ))


async def main():
    global answer
    async with Client(server(), mode=MODE, elicitation_callback=ask) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert "fs_read" in names and "execute_bash" in names, names
        read = {"operations": [{"mode": "Line", "path": "notes.txt"}]}
        result = await client.call_tool("fs_read", read)
        assert not result.is_error and "the workspace's own" in text(result), result
        result = await client.call_tool("fs_read", {"operations": [{"mode": "Line", "path": ".env"}]})
        assert result.is_error and "it is hidden" in text(result), result

        result = await client.call_tool("execute_bash", {"command": "touch src/allowed"})
        assert not result.is_error and os.path.exists("src/allowed"), result
        assert "touch src/allowed" in asked[0], asked
        answer = None
        result = await client.call_tool("execute_bash", {"command": "touch src/denied"})
        assert result.is_error and not os.path.exists("src/denied"), result

        steps = []

        async def progress(done, total, message):
            steps.append(message)

        result = await client.call_tool("execute_bash", {"command": "sh loud.sh"}, progress_callback=progress)
        assert not result.is_error and "step 3" in text(result), result
        assert any("step" in step for step in steps), steps

        with anyio.move_on_after(1) as scope:
            await client.call_tool("execute_bash", {"command": "sh slow.sh"})
        assert scope.cancelled_caught
        result = await client.call_tool("fs_read", read)
        assert not result.is_error, result

        many = []
        async with anyio.create_task_group() as group:
            for _ in range(64):

                async def one():
                    many.append(await client.call_tool("fs_read", read))

                group.start_soon(one)
        assert len(many) == 64 and not any(result.is_error for result in many)

    async with Client(server(), mode=MODE) as client:
        result = await client.call_tool("execute_bash", {"command": "touch src/silent"})
        assert result.is_error and "no way to ask" in text(result) and not os.path.exists("src/silent"), result
    print("ok")


anyio.run(main)
