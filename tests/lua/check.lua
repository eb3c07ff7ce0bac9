--- A test runner in a page. A file of tests ends with `return check.run()`.
local lares = require "lares"

local check = {}
local cases = {}
local nodes = {} -- of the test that runs: a node that is forgotten ends
local collects = os.getenv "LARES_COLLECT"

--- Under LARES_COLLECT each line of a test is followed by a full collection,
-- so whatever is not held properly is gone when it is used.
local function collect_always()
    debug.sethook(function() collectgarbage() end, "l")
end

--- Do what takes too many lines for a collection behind each.
function check.quickly(body)
    debug.sethook()
    body()
    if collects then collect_always() end
end

--- How often something is done, where often is what is tested.
function check.many(count)
    return collects and count // 100 or count
end

function check.test(name, body)
    cases[#cases + 1] = {name = name, body = body}
end

local function fail(format, ...)
    error(format:format(...), 3)
end

function check.equal(value, expected)
    if value ~= expected then
        fail("got %s, expected %s", tostring(value), tostring(expected))
    end
end

--- The text contains a part, literally.
function check.contains(text, part)
    if type(text) ~= "string" or not text:find(part, 1, true) then
        fail("%q does not contain %q", tostring(text), part)
    end
end

--- The call answered `nil, text, code`.
function check.answers(code, value, text, got)
    if value ~= nil or got ~= code or type(text) ~= "string" then
        fail("got %s, %s, %s, expected %s", tostring(value), tostring(text),
            tostring(got), code)
    end
    return text
end

--- The call raised a text that contains a part.
function check.raises(part, body, ...)
    local ok, text = pcall(body, ...)
    if ok then fail("nothing was raised, expected %q", part) end
    check.contains(text, part)
    return text
end

--- Make a node with a name of its own.
function check.node(options)
    nodes[#nodes + 1] = assert(lares.node("test-" .. #nodes, options))
    return nodes[#nodes]
end

--- Make a class with this process.
function check.class(kind, process)
    local class = lares.daemon(kind)
    class.process = process
    return class
end

--- Make a class that counts, and whose state is the count.
function check.counter(kind)
    local class = lares.daemon(kind or "counter")
    function class:init() self.n = 0 end
    function class:process(event)
        self.n = self.n + 1
        if event.data == "bad" then error "bad line" end
        return tostring(self.n)
    end
    function class:snapshot() return string.pack("<I8", self.n) end
    function class:restore(state) self.n = string.unpack("<I8", state) end
    return class
end

--- Make a node, and a daemon with this process.
function check.daemon(process, options)
    local node = check.node()
    local kind = assert(node:register(check.class("subject", process)))
    return assert(node:spawn(kind, options)), node
end

--- The row of a daemon, by its origin.
function check.row(node, daemon)
    for _, row in ipairs(node:report "daemons") do
        if row.origin == daemon.origin then return row end
    end
end

local function run_one(case)
    local ok, text = xpcall(case.body, debug.traceback)
    if not ok then io.stderr:write(case.name, ": ", text, "\n") end
    for _ = 1, #nodes do table.remove(nodes):close() end
    collectgarbage()
    return ok
end

function check.run()
    local failed = 0
    if collects then collect_always() end
    for _, case in ipairs(cases) do
        failed = failed + (run_one(case) and 0 or 1)
    end
    debug.sethook()
    print(("%d passed, %d failed"):format(#cases - failed, failed))
    os.exit(failed == 0 and #cases > 0, true)
end

return check
