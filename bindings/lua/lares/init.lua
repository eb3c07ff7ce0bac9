--- Lares for Lua 5.4: daemons that outlive their machine.
--
-- What can happen is answered `nil, text, "ENAME"`; a wrong argument raises.
-- Times are seconds. Ids are integers, bit for bit: print them by lares.hex.
local core = require "lares.core"

local lares = {
    daemon = core.daemon,
    handler = core.handler,
    node = core.node,
    world = core.world,
    key = core.key,
    chain = core.chain,
    recovery = core.recovery,
    image_report = core.image_report,
    hex = core.hex,
}

--- Is the chunk that called the caller of this function the program itself?
-- Then only the interpreter stands below it. `require` and `dofile` add a
-- frame of their own; a tail call of lares.main takes the chunk's away.
local function is_program()
    local chunk = debug.getinfo(2, "t").istailcall and 2 or 3
    return debug.getinfo(chunk + 1, "") ~= nil
        and debug.getinfo(chunk + 2, "") == nil
end

--- Make a node that has the classes as kinds, and the handlers.
local function build(name, classes)
    local node = assert(core.node(name))
    for _, class in ipairs(classes[1] and classes or {classes}) do
        assert(node:register(class))
    end
    return node
end

--- Run a class, or one of an array, as a program: lines in, lines out. Its
-- options are those of `lares run`. An array may hold handlers, too. In a file
-- that is loaded by another one it only hands its argument on.
function lares.main(classes)
    if arg and is_program() then
        local code = core.run(arg, function(name)
            return build(name, classes)
        end)
        if code ~= 0 then
            os.exit(code, true)
        end
    end
    return classes
end

return lares
